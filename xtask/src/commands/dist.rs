//! `cargo xtask dist`: what people install who do not build.

mod archive;
mod container;
mod licences;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};

use super::Command;
use crate::cargo_tool;
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "dist",
    help: "\
Make what people install who do not build, in target/dist-files: an archive (the stripped `kortlab`,
the library of `kortlab run --in-process`, manual pages, completions, licences, documentation) and a Debian package with the same.

Usage: cargo xtask dist [--profile NAME] [--try] [--container]

  --profile NAME  build `kortlab` with another cargo profile than `dist`; with `dev` it is what the
               tests have built: the same files in little time, for trying, with a slower and
               larger `kortlab` in them
  --try        install the package in a bare Debian (debootstrap, in a temporary directory) and let
               it run `kortlab demo` there; takes root, and Debian's packages from the network
  --container  build the container of the Containerfile with podman, docker or buildah as well, and
               let it run `kortlab demo`; where none of them works, say so and check the recipe alone

cargo-deb is installed if it is missing. Both are built with all optimisations, and so take several
times as long as `cargo build` the first time.
",
    run,
};

/// The cargo profile that `kortlab` is built with.
const PROFILE: &str = "dist";
/// The profile that the tests are built with.
const DEVELOPMENT: &str = "dev";

/// What is made, and where.
struct Dist {
    /// The version of the workspace.
    version: String,
    /// The cargo profile.
    profile: String,
    /// The binary, stripped.
    kortlab: PathBuf,
    /// The library of `run --in-process`, stripped, by the name that programs ask for.
    library: PathBuf,
    /// Manual pages, completions and licences, where the Debian package finds them, too.
    extras: PathBuf,
    /// What is made.
    files: PathBuf,
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let Options {
        profile,
        tries,
        builds_container,
    } = parse(arguments)?;
    apt::ensure(&needs::dist(tries))?;
    cargo_tool::ensure("cargo-deb", "deb")?;
    let target = process::root().join("target");
    let dist = Dist {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kortlab: target.join("dist-bin/kortlab"),
        library: target.join("dist-bin/libpcsclite.so.1"),
        profile,
        extras: target.join("dist-extras"),
        files: target.join("dist-files"),
    };
    build(&dist, &target)?;
    remake(&dist.extras)?;
    remake(&dist.files)?;
    extras(&dist)?;
    let archive = archive::make(&dist)?;
    let package = debian_package(&dist)?;
    for made in [&dist.kortlab, &dist.library, &archive, &package] {
        println!("{}  {} bytes", made.display(), size(made)?);
    }
    if tries {
        trial::in_bare_debian(&package)?;
    }
    if builds_container {
        container::build()?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    profile: String,
    tries: bool,
    builds_container: bool,
}

fn parse(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        profile: PROFILE.to_owned(),
        tries: false,
        builds_container: false,
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--profile" => {
                let name = arguments.next();
                name.ok_or_else(|| Failure::usage("--profile needs a name"))?
                    .clone_into(&mut options.profile);
            }
            "--try" => options.tries = true,
            "--container" => options.builds_container = true,
            other => return Err(Failure::usage(format!("unexpected argument {other}"))),
        }
    }
    Ok(options)
}

/// Builds `kortlab` and its library, and puts them stripped where they are taken from.
fn build(dist: &Dist, target: &Path) -> Result<(), Failure> {
    let is_development = dist.profile == DEVELOPMENT;
    process::run(&mut build_command(&dist.profile))?;
    let directory = match is_development {
        true => "debug",
        false => dist.profile.as_str(),
    };
    if let Some(place) = dist.kortlab.parent() {
        remake(place)?;
    }
    for (built, stripped) in [
        ("kortlab", &dist.kortlab),
        // Where cargo has it in any case; only of what was asked for by name there is a copy above.
        ("deps/libkortlab_libpcsclite.so", &dist.library),
    ] {
        let mut strip = process::program("strip");
        strip.arg("--strip-all").arg("-o").arg(stripped);
        process::run(strip.arg(target.join(directory).join(built)))?;
    }
    Ok(())
}

/// How `kortlab` is built. What the tests have built is not built again: only their own command
/// asks for the features that all of the workspace and its tests ask for.
fn build_command(profile: &str) -> std::process::Command {
    let mut cargo = process::cargo();
    match profile {
        DEVELOPMENT => cargo.args(["test", "--locked", "--workspace", "--no-run"]),
        other => {
            cargo.args(["build", "--locked", "--package", "kortlab"]);
            cargo.args(["--package", "kortlab-libpcsclite"]);
            cargo.args(["--bin", "kortlab", "--lib", "--profile", other])
        }
    };
    cargo
}

/// Manual pages, completions, licences.
fn extras(dist: &Dist) -> Result<(), Failure> {
    let pages = dist.extras.join("man1");
    process::run(
        process::program(&dist.kortlab)
            .args(["man", "--dir"])
            .arg(&pages),
    )?;
    let completions = dist.extras.join("completions");
    make_directory(&completions)?;
    for (shell, name) in [
        ("bash", "kortlab.bash"),
        ("zsh", "_kortlab"),
        ("fish", "kortlab.fish"),
    ] {
        let script = process::output(process::program(&dist.kortlab).args(["completions", shell]))?;
        write(&completions.join(name), &script)?;
    }
    licences::collect(&dist.extras)
}

fn debian_package(dist: &Dist) -> Result<PathBuf, Failure> {
    let mut deb = process::cargo();
    deb.args(["deb", "--locked", "--no-build", "--no-strip"]);
    deb.args(["--package", "kortlab", "--output"]);
    process::run(deb.arg(&dist.files))?;
    let made = fs::read_dir(&dist.files).map_err(|error| about(&dist.files, &error))?;
    let package = made
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "deb"));
    package.ok_or_else(|| Failure::new("cargo-deb has made no package"))
}

/// An empty directory.
fn remake(directory: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(about(directory, &error));
        }
        _ => {}
    }
    make_directory(directory)
}

fn make_directory(directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory).map_err(|error| about(directory, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| about(path, &error))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| about(from, &error))
}

fn size(path: &Path) -> Result<u64, Failure> {
    let metadata = fs::metadata(path).map_err(|error| about(path, &error))?;
    Ok(metadata.len())
}

fn about(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_names_files_that_are_made_or_in_the_repository() {
        let manifest = process::root().join("crates/cli/Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        let assets = manifest.split("assets = [").nth(1).unwrap();
        let assets = assets.split("\n]").next().unwrap();
        let sources: Vec<_> = assets
            .lines()
            .filter_map(|line| line.trim().strip_prefix("[\"")?.split('"').next())
            .collect();
        assert!(sources.len() > 8, "{sources:?}");
        // Whatever is written about it later goes along, as into the archive.
        assert!(sources.contains(&"../../docs/*"), "{sources:?}");
        for source in sources {
            let made = ["../../target/dist-bin/", "../../target/dist-extras/"];
            if made.iter().any(|made| source.starts_with(made)) {
                continue;
            }
            let path = process::root().join("crates/cli").join(source);
            match path.file_name().is_some_and(|name| name == "*") {
                true => assert!(path.parent().unwrap().is_dir(), "{source}"),
                false => assert!(path.is_file(), "{source}"),
            }
        }
    }

    #[test]
    fn unknown_arguments_are_refused_before_anything_is_built() {
        for wrong in [&["--fast"][..], &["--profile"], &["--try", "dev"]] {
            let words: Vec<_> = wrong.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(run(&words).unwrap_err().code, 2, "{wrong:?}");
        }
        let words = ["--try", "--profile", "dev"].map(str::to_owned);
        let options = parse(&words).unwrap();
        assert_eq!((options.profile.as_str(), options.tries), ("dev", true));
        assert_eq!(parse(&[]).unwrap().profile, PROFILE);
    }
}
