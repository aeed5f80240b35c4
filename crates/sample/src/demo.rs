//! A small organization to look around in.
