//! A private Dovecot: an IMAP server with one user whose mails are in a Maildir.

use super::database::setting;
use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A running Dovecot. Its folder `Plain` keeps no keywords, and its folder `Fixed` can only be read.
pub struct Dovecot {
    port: u16,
    tls_port: u16,
    child: Child,
    folder: TempDir,
    delivered: AtomicU32,
}

/// The name of the user.
pub const USER: &str = "ana@example.org";

/// The password of the user.
pub const PASSWORD: &str = "correct horse \"é\\";

/// The access token of the user.
pub const ACCESS_TOKEN: &str = "ya29.a0Af_B-y~+/==";

/// The folders besides the inbox.
const FOLDERS: [&str; 3] = ["Done", "Plain", "Fixed"];

impl Dovecot {
    /// Starts a server with an empty mailbox.
    pub async fn start() -> Self {
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, tls_port] = ports.map(|listener| listener.local_addr().unwrap().port());
        let folder = TempDir::new().unwrap();
        // If root starts Dovecot, it runs as the user `nobody`, who needs access to the folder.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        create_layout(folder.path());
        let settings = folder.path().join("dovecot.conf");
        fs::write(&settings, config(folder.path(), port, tls_port)).unwrap();
        let child = Command::new(setting("CONVOSYNC_TEST_DOVECOT"))
            .args(["-F", "-c", settings.to_str().unwrap()])
            // Dovecot always runs with the real clock: some of its processes drop the library that shifts the clock.
            .env_remove("LD_PRELOAD")
            .stdout(Stdio::null())
            .spawn()
            .expect("dovecot starts");
        let server = Self { port, tls_port, child, folder, delivered: AtomicU32::new(0) };
        super::until("Dovecot to answer", async || {
            [port, tls_port].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
        })
        .await;
        server
    }

    /// The port without TLS, which offers STARTTLS.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port with TLS from the first byte.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The server's certificate in PEM. It is valid for `localhost` only.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The Maildir of a folder.
    pub fn maildir(&self, folder: &str) -> PathBuf {
        let root = self.folder.path().join("mail");
        if folder == "INBOX" { root } else { root.join(format!(".{folder}")) }
    }

    /// Delivers a mail as a mail server does: writes it to `tmp` and moves it to `new`.
    pub fn deliver(&self, folder: &str, mail: &[u8]) {
        let maildir = self.maildir(folder);
        let count = self.delivered.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.M{count}P{}.test", 1_700_000_000 + count, std::process::id());
        let aside = maildir.join("tmp").join(&name);
        super::write_dated(&aside, mail);
        give_to_the_server(&aside);
        fs::rename(aside, maildir.join("new").join(name)).unwrap();
    }

    /// The names of a folder's mails, with their flags.
    pub fn mails(&self, folder: &str) -> Vec<String> {
        let places = ["new", "cur"].map(|place| fs::read_dir(self.maildir(folder).join(place)).unwrap());
        places.into_iter().flatten().map(|mail| mail.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Stops the server and its connections.
    pub fn stop(&mut self) {
        // After the process has ended, its id may belong to another process.
        if let Ok(None) = self.child.try_wait() {
            // SIGTERM also ends the child processes; SIGKILL would leave them running.
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Creates the user, the rights, the certificate and the Maildirs.
fn create_layout(root: &Path) {
    fs::write(root.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
    fs::write(root.join("tokens"), format!("{USER}:{{PLAIN}}{ACCESS_TOKEN}\n")).unwrap();
    // l: see, r: open, s: set \Seen, w: set other flags and keywords.
    fs::write(root.join("rights"), "Plain owner lrs\nFixed owner lr\n").unwrap();

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(root.join("ca.pem"), made.cert.pem()).unwrap();
    fs::write(root.join("key.pem"), made.signing_key.serialize_pem()).unwrap();

    let mail = root.join("mail");
    let folders = FOLDERS.map(|folder| mail.join(format!(".{folder}")));
    for maildir in std::iter::once(mail.clone()).chain(folders) {
        for place in ["tmp", "new", "cur"] {
            fs::create_dir_all(maildir.join(place)).unwrap();
            give_to_the_server(&maildir.join(place));
        }
        give_to_the_server(&maildir);
    }
}

/// Gives the path to the user that the server runs as: `nobody` for root, else the current user.
fn give_to_the_server(path: &Path) {
    if is_root() {
        chown(path, Some(numeric_id("nobody", "-u")), Some(numeric_id("nobody", "-g"))).unwrap();
    }
}

fn is_root() -> bool {
    command_output("id", &["-u"]) == "0"
}

fn numeric_id(user: &str, which: &str) -> u32 {
    command_output("id", &[which, user]).parse().unwrap()
}

fn command_output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn config(root: &Path, port: u16, tls_port: u16) -> String {
    let root = root.display();
    let (user, group) = if is_root() {
        ("nobody".to_owned(), command_output("id", &["-gn", "nobody"]))
    } else {
        (command_output("id", &["-un"]), command_output("id", &["-gn"]))
    };
    format!(
        "protocols = imap
listen = 127.0.0.1
base_dir = {root}/base
state_dir = {root}/state
log_path = {root}/log
auth_mechanisms = plain login xoauth2
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{root}/ca.pem
ssl_key = <{root}/key.pem
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{root}/mail
mail_plugins = acl
plugin {{
  acl = vfile:{root}/rights
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = {root}/users
}}
passdb {{
  driver = passwd-file
  mechanisms = xoauth2
  args = {root}/tokens
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/mail
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
"
    )
}
