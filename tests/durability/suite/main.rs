//! Writes through the API while something goes wrong among them, in this process. What happens to the process itself is
//! tried in the server's tests.

mod batch;
mod consistency;
