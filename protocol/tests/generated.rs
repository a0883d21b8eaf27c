//! The code of the wire form is what its description gives.
//!
//! In: `proto/katydid/v1/fleet.proto`. Out: agreement with `src/wire/generated/katydid_v1.rs`, or, with
//! `KATYDID_REGENERATE=1` in the environment, that file written anew. No `protoc` is needed, and no build script.

use std::error::Error;
use std::path::Path;

const PROTO: &str = "katydid/v1/fleet.proto";
const GENERATED: &str = "src/wire/generated/katydid_v1.rs";
const COMMAND: &str = "KATYDID_REGENERATE=1 cargo test -p katydid-protocol --test generated";

#[test]
fn the_generated_code_is_up_to_date() -> Result<(), Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let expected = generate(&package.join("proto"))?;
    let target = package.join(GENERATED);
    if std::env::var_os("KATYDID_REGENERATE").is_some() {
        return Ok(std::fs::write(&target, &expected)?);
    }
    let found = std::fs::read_to_string(&target).unwrap_or_default();
    assert!(
        found == expected,
        "{GENERATED} is not what proto/{PROTO} gives; run `{COMMAND}` to regenerate it"
    );
    Ok(())
}

fn generate(protos: &Path) -> Result<String, Box<dyn Error>> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    std::fs::create_dir_all(&out)?;
    let description = protox::compile([PROTO], [protos])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .btree_map(".")
        .bytes(".katydid.v1.AssetChunk.data")
        .bytes(".katydid.v1.SequencedDelta.delta")
        .out_dir(&out)
        .compile_fds(description)?;
    let code = std::fs::read_to_string(out.join("katydid.v1.rs"))?;
    Ok(format!(
        "//! Messages, client and server of `proto/{PROTO}`. Generated: change that file, then run\n\
         //! `{COMMAND}`.\n\n{code}"
    ))
}
