//! The command line: what each command takes stands in its file.

mod admin;
mod backup;
mod copy;
mod doctor;
mod job;
mod progress;
mod seed;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use model::time::format_time;
use serde::Serialize;
use tokio::runtime::Builder;

use crate::config::{Common, list_settings};
use crate::failure::{Failure, Result};
use crate::log;

const EXAMPLES: &str = "\
First steps:
  vinyasa serve --demo                      try it: a believable organization; the first line holds a token
  vinyasa admin init --organization 'Acme' --email ann@acme.example --name 'Ann Example'
  vinyasa serve                             the same database, from now on your own
  curl -H 'Authorization: Bearer TOKEN' http://127.0.0.1:8080/api/1.0/users/me

Commands that change a database may run while the server runs; it heeds them from its next request on.
A command that fails says why in one line and exits with 1, or 2 when it was typed wrongly.";

/// A self-hosted work-management server that speaks the Asana REST API 1.0.
#[derive(Parser)]
#[command(name = "vinyasa", version, after_help = EXAMPLES, max_term_width = 110)]
struct Line {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    #[command(subcommand)]
    Admin(admin::Admin),
    Seed(seed::Seed),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Copy(copy::Copy),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Job(job::Job),
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    log::catch_bugs();
    let grammar = Line::command().mut_subcommand("serve", |serve| {
        let examples = serve::EXAMPLES;
        serve.after_help(format!("{examples}\n\n{}", list_settings()))
    });
    let line = grammar.try_get_matches().and_then(|matches| Line::from_arg_matches(&matches));
    let done = match line {
        Ok(line) => run_line(line),
        Err(error) => {
            // Nobody is left to be told when this fails.
            drop(error.print());
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("vinyasa: {}", failure.text);
            ExitCode::from(failure.code)
        }
    }
}

fn run_line(line: Line) -> Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format_args!("no threads: {error}")))?;
    let done = runtime.block_on(async {
        match line.command {
            Command::Serve(serve) => serve.run(&line.common).await,
            Command::Admin(admin) => admin.run(&line.common).await,
            Command::Seed(seed) => seed.run(&line.common).await,
            Command::Backup(backup) => backup.run(&line.common).await,
            Command::Restore(restore) => restore.run(&line.common).await,
            Command::Copy(copy) => copy.run(&line.common).await,
            Command::Doctor(doctor) => doctor.run(&line.common).await,
            Command::Job(job) => job.run(&line.common).await,
        }
    });
    // A read that nobody waits for any more does not keep the process.
    runtime.shutdown_background();
    done
}

/// Prints a line for programs. It matters whether it arrives: a token, for one, is printed once.
fn print_line(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{line}").and_then(|()| out.flush());
    printed.map_err(|error| Failure::new(format_args!("standard output: {error}")))
}

/// What a command answers, as one line of JSON.
fn json_line(answer: &impl Serialize) -> Result<String> {
    serde_json::to_string(answer).map_err(Failure::new)
}

/// A table for people: as wide as what stands in it, the last column at the end of its line.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head = head.iter().map(|title| (*title).to_owned()).collect();
    let lines = std::iter::once(&head).chain(rows).map(|row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A time as the API writes it.
fn written_time(ms: i64) -> String {
    let mut text = Vec::new();
    format_time(ms, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Prints a JSON object of texts, its members in this order.
fn print_object(members: &[(&str, &str)]) -> Result<()> {
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("\"{name}\":{}", serde_json::Value::from(*value))).collect();
    print_line(&format!("{{{}}}", members.join(",")))
}
