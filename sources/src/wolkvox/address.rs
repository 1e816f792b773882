//! What an address tells of the vendor's server.

/// The digits of the server, where `base` is an address in the vendor's own style.
pub fn server_of(base: &str) -> Option<String> {
    let digits = base.strip_prefix("https://wv")?.strip_suffix(".wolkvox.com")?;
    let is_good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_good.then(|| digits.to_owned())
}
