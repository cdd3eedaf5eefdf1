"""Facts about what events come to on a noticeboard."""
