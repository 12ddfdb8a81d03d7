//! Whether a browser was sent here by a page from elsewhere. Such a page can make it send good
//! credentials along, so they prove nothing; what proves something are fields that a page can not
//! change. Who sends none of them (Python, curl) is no browser.

use super::http::{Head, Refusal, Status};

/// What the decision has to know of the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Site<'a> {
    /// Anybody on this machine reaches it without credentials: nothing but the Host field tells
    /// a page whose name was pointed at 127.0.0.1 (DNS rebinding) from one of ours.
    pub is_open_loopback: bool,
    /// Names it is known by beside its addresses: those of a proxy in front of it.
    pub names: &'a [String],
}

/// Decides on any request: none is answered to a name that may be a stranger's.
///
/// # Errors
/// 403 with the reason.
pub fn own_name(head: &Head, site: Site) -> Result<(), Refusal> {
    let host = head.field("host").map(str::to_ascii_lowercase);
    match host.is_some_and(|host| site.is_open_loopback && !is_local(&host, site.names)) {
        true => refuse("the Host is not one of this machine nor of allowed_hosts"),
        false => Ok(()),
    }
}

/// Decides on a request that changes state, which every XML-RPC call may do.
///
/// # Errors
/// 403 with the reason.
pub fn same_site(head: &Head, site: Site) -> Result<(), Refusal> {
    own_name(head, site)?;
    let host = head.field("host").map(str::to_ascii_lowercase);
    match head.field("sec-fetch-site") {
        // `none`: typed by the user.
        Some("same-origin" | "none") => return Ok(()),
        Some(_) => return refuse("the request comes from another site"),
        None => {}
    }
    let ours = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_owned();
        let is_host = host.as_deref().is_some_and(|host| bare(host) == bare(&authority));
        Some(is_host || is_named(&authority, site.names))
    };
    match head.field("origin").or(head.field("referer")) {
        Some(url) if ours(url) == Some(true) => Ok(()),
        Some(_) => refuse("the request comes from a page of another site"),
        None if is_browser(head) && is_simple(head) => {
            refuse("a browser has to show which page the request comes from")
        }
        None => Ok(()),
    }
}

fn refuse(why: &'static str) -> Result<(), Refusal> {
    Err(Refusal { status: Status::Forbidden, why })
}

/// Whether no stranger can own the name: an address, a name without a dot, `localhost`.
fn is_local(host: &str, names: &[String]) -> bool {
    let name = without_port(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_address = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    is_address || !name.contains('.') || name.ends_with(".localhost") || is_named(host, names)
}

fn is_named(authority: &str, names: &[String]) -> bool {
    let known = |name: &String| {
        name.eq_ignore_ascii_case(authority) || name.eq_ignore_ascii_case(without_port(authority))
    };
    names.iter().any(known)
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

fn is_browser(head: &Head) -> bool {
    head.field("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"))
}

/// Whether a page may have another site sent this without asking it first (Fetch, 2.2.2). What
/// else a page wants to send is preceded by an OPTIONS, which nothing here grants.
fn is_simple(head: &Head) -> bool {
    let kind = head.field("content-type").unwrap_or_default().to_ascii_lowercase();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let simple = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"];
    simple.contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Parsed;
    use crate::proto::http::{Piece, Requests};

    const NAMES: &[&str] = &["sup.example.com"];

    fn allowed(site: Site, line: &str, fields: &str) -> bool {
        let text = format!("{line} HTTP/1.1\r\n{fields}\r\n\r\n");
        let parsed = Requests::default().read(text.as_bytes());
        let Parsed::Done { value: Piece::Head(head), .. } = parsed else { panic!("{text}") };
        same_site(&head, site).is_ok()
    }

    #[test]
    fn who_sends_no_field_of_a_browser_is_not_affected() {
        let site = Site { is_open_loopback: true, names: &[] };
        for fields in [
            "User-Agent: Python-xmlrpc/3.11\r\nHost: localhost\r\nContent-Type: text/xml",
            "User-Agent: curl/7.88.1\r\nHost: 127.0.0.1:9001\r\nAccept: */*",
            "Host: [::1]:9001\r\nContent-Type: application/x-www-form-urlencoded",
            "Host: db-1:9001\r\nContent-Type: text/plain",
            "User-Agent: Mozilla/5.0 PowerShell\r\nHost: localhost\r\nContent-Type: text/xml",
            "Accept: */*",
        ] {
            assert!(allowed(site, "POST /RPC2", fields), "{fields}");
            assert!(allowed(site, "GET /?action=stop", "Host: localhost:9001"));
        }
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        for (fields, want) in [
            ("Sec-Fetch-Site: cross-site", false),
            ("Sec-Fetch-Site: same-site", false),
            ("Sec-Fetch-Site: cross-site\r\nOrigin: http://h:9001", false),
            ("Sec-Fetch-Site: same-origin", true),
            ("Sec-Fetch-Site: same-origin\r\nOrigin: https://proxy.example.com", true),
            ("Sec-Fetch-Site: none", true),
            ("Origin: http://h:9001", true),
            ("Origin: http://H:9001", true),
            ("Origin: http://evil.com", false),
            ("Origin: http://h:9002", false),
            ("Origin: http://h", false),
            ("Origin: http://evil.com#h:9001", false),
            ("Origin: http://h:9001@evil.com", false),
            ("Origin: http://h:9001.evil.com", false),
            ("Origin: null", false),
            ("Origin: ", false),
            ("Origin: http://evil.com\r\nReferer: http://h:9001/", false),
            ("Referer: http://h:9001/index.html?a", true),
            ("Referer: http://evil.com/http://h:9001/", false),
            ("User-Agent: Mozilla/5.0", false),
            ("User-Agent: Mozilla/5.0\r\nContent-Type: text/plain;x", false),
            ("User-Agent: Mozilla/5.0\r\nContent-Type: Multipart/Form-Data; boundary=x", false),
            ("User-Agent: Mozilla/5.0\r\nContent-Type: text/xml", true),
        ] {
            for line in ["POST /RPC2", "GET /?action=stop"] {
                let fields = format!("Host: h:9001\r\n{fields}");
                assert_eq!(allowed(Site::default(), line, &fields), want, "{line} {fields}");
            }
        }
        assert!(!allowed(Site::default(), "POST /", "Origin: http://h:9001"));
        assert!(allowed(Site::default(), "POST /", "Host: h:80\r\nOrigin: http://h"));
        assert!(allowed(Site::default(), "POST /", "Host: h\r\nOrigin: https://h:443"));
        assert!(!allowed(Site::default(), "POST /", "Host: h\r\nOrigin: https://h:80"));
    }

    #[test]
    fn a_name_that_was_pointed_at_this_machine_changes_nothing() {
        let names: Vec<String> = NAMES.iter().map(|name| name.to_string()).collect();
        let open = Site { is_open_loopback: true, names: &names };
        for (host, want) in [
            ("localhost:9001", true),
            ("LOCALHOST.", true),
            ("app.localhost", true),
            ("127.0.0.1:9001", true),
            ("10.0.0.1", true),
            ("[::1]:9001", true),
            ("web", true),
            ("evil.com:9001", false),
            ("evil.com.:9001", false),
            ("127.0.0.1.evil.com", false),
            ("localhost.evil.com", false),
            ("Sup.example.com", true),
            ("sup.example.com:443", true),
            ("evil.com:sup.example.com", false),
        ] {
            let fields = format!("Host: {host}\r\nOrigin: http://{host}");
            assert_eq!(allowed(open, "POST /RPC2", &fields), want, "{host}");
            let guarded = Site { is_open_loopback: false, ..open };
            assert!(allowed(guarded, "POST /RPC2", &fields), "{host}");
        }
        let proxied = "Host: 127.0.0.1:9001\r\nOrigin: https://sup.example.com";
        assert!(allowed(open, "POST /RPC2", proxied));
    }
}
