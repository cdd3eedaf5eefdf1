"""Facts about the noticeboards that sum."""
