//! Fuzz targets as plain functions, and their libFuzzer wrappers.
