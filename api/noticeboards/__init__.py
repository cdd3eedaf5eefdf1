"""What is read off the summing noticeboards: how it is asked for, and how it is told."""
