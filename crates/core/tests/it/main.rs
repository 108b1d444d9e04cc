//! Tests of `zelos-core` against files: what stands beside pure code is in the modules themselves.

mod config_kratos;
mod config_load;
mod config_reference;
