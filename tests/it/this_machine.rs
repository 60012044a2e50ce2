//! What differs between machines and must not show: the locale, the time zone, ports in use.

use crate::support::stack::options;
use harness::world::{Database, dir, run};
use local::stack::Stack;
use serde_json::json;
use tokio::net::TcpListener;

#[test]
fn the_private_server_has_its_own_locale_and_time_zone() {
    run(async {
        let db = Database::fresh().await;
        let seen = db
            .row(
                // The source too: initdb writes the machine's zone, which may be UTC, into the configuration file.
                "select (select jsonb_object_agg(name, setting || ', ' || source) from pg_settings
                         where name in ('TimeZone', 'log_timezone')) as zones,
                        pg_encoding_to_char(encoding) as encoding,
                        array[datcollate, datctype, current_setting('lc_messages'), current_setting('lc_time')]
                            <@ array['C', 'C.UTF-8'] as plain
                 from pg_database where datname = current_database()",
            )
            .await;
        let own = json!({
            "zones": { "TimeZone": "UTC, command line", "log_timezone": "UTC, command line" },
            "encoding": "UTF8",
            "plain": true,
        });
        assert_eq!(seen, own);
    });
}

#[test]
fn a_port_in_use_is_named_with_its_option_and_nothing_is_started() {
    run(async {
        let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        for option in ["--port", "--console-port"] {
            let state_dir = dir().join(format!("taken{option}"));
            let mut options = options(state_dir.clone());
            match option {
                "--port" => options.port = port,
                _ => options.console_port = port,
            }
            let error = Stack::start(&options).await.err().expect("the port is in use");
            assert!(
                error.starts_with(&format!("port {port} cannot be used (")),
                "{error}"
            );
            assert!(
                error.ends_with(&format!("choose another with {option}")),
                "{error}"
            );
            assert!(!error.contains('\n'), "{error}");
            // The data and logs of what it starts would be here.
            let left: Vec<_> = std::fs::read_dir(state_dir)
                .unwrap()
                .map(|file| file.unwrap().file_name())
                .collect();
            assert_eq!(left, ["lock"]);
        }
    });
}
