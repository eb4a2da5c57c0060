//! `kortlab demo` by itself: what `cargo xtask demo` builds, as the whole `kortlab` takes far longer.

use std::process::ExitCode;

use clap::Parser;
use kortlab_demo::demo;
use kortlab_terminal::output::Output;

/// The renewal of the guide on an embedded card and portal: `kortlab demo` without the rest.
#[derive(Parser)]
#[command(name = "kortlab-demo", version)]
struct Cli {
    /// Print one JSON document on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    demo: demo::Arguments,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(cli.json);
    let done = demo::run(&mut output, cli.demo).and_then(|exit| output.finish().map(|()| exit));
    done.unwrap_or_else(|failure| output.failed(&failure))
        .into()
}
