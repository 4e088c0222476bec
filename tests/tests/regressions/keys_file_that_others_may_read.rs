//! Seen: a file with the keys that sign access tokens was read whatever its mode, so that everybody with an account on the
//! machine could make tokens of any user.

use std::os::unix::fs::PermissionsExt;

use comptoir_core::platform::secret_file;
use comptoir_tests::harness::{Api, World, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_keys_that_others_may_read_is_refused() {
    World::run(async |world| {
        let keys = world.run_api(&["keys", "generate"]).await?.stdout;
        let file = world.logs().join("keys.json");
        secret_file::write(&file, &keys)?;
        let name = file.display().to_string();
        let environment = [("COMPTOIR__IDENTITY__SIGNING_KEYS_FILE", name.as_str())];
        Api::start(world, &environment).await?;

        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
        let mut command = world.api_command(&[])?;
        command.envs(environment).env("COMPTOIR__API__LISTEN", "127.0.0.1:0");
        let exit = run(command, std::time::Duration::from_secs(60)).await?;
        assert_ne!(exit.code, Some(0), "{exit:?}");
        assert!(exit.stderr.contains("mode 644") && exit.stderr.contains("chmod o="), "{exit:?}");
        Ok(())
    })
    .await;
}
