//! `syncrepl dump`: the copy, from disk alone.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use syncrepl_client::{Record, Store};

use crate::args::{DumpArgs, DumpFormat};
use crate::exit::Failure;
use crate::output::{json, ldif};

pub(crate) fn run(args: &DumpArgs) -> Result<(), Failure> {
    let store = Store::open(&args.data)?;
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    // One snapshot, so that the number of the commit is that of the records.
    store.read(|_| {
        match args.format {
            DumpFormat::Json => json::start(&mut out, store.status()?.commit)?,
            DumpFormat::Ldif => writeln!(out, "version: 1")?,
        }
        store.records(|record: &Record<'_>| {
            match args.format {
                DumpFormat::Json => json::record(&mut out, record)?,
                DumpFormat::Ldif => ldif::record(&mut out, record)?,
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(out.flush()?)
    })?;
    Ok(())
}
