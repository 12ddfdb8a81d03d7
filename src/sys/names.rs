//! Addresses of hosts by name.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// The addresses of a host, or the one it is. Asks the C library, which may ask the network.
pub fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    #[cfg(target_feature = "crt-static")]
    if host == "localhost" {
        return Ok(loopback(port).into());
    }
    #[cfg(all(target_feature = "crt-static", target_env = "gnu"))]
    without_modules();
    match (host, port).to_socket_addrs() {
        Ok(found) => Ok(found.collect()),
        Err(_) if host == "localhost" => Ok(loopback(port).into()),
        Err(error) => Err(error),
    }
}

/// What `localhost` is even where nothing says so, as in a container without `/etc/hosts`.
fn loopback(port: u16) -> [SocketAddr; 2] {
    [(std::net::Ipv4Addr::LOCALHOST, port).into(), (std::net::Ipv6Addr::LOCALHOST, port).into()]
}

/// Keeps the C library from loading what `/etc/nsswitch.conf` names: it is made for another copy of
/// the library than the one within us.
#[cfg(all(target_feature = "crt-static", target_env = "gnu"))]
fn without_modules() {
    use std::ffi::{c_char, c_int};

    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    // SAFETY: two strings that end in NUL and are only read; the library locks what it changes. A
    // failure leaves what was.
    unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_own_address_and_localhost_is_this_machine() {
        let of = |host| -> Vec<String> {
            addresses(host, 7).unwrap().iter().map(SocketAddr::to_string).collect()
        };
        assert_eq!(of("192.0.2.1"), ["192.0.2.1:7"]);
        assert_eq!(of("::1"), ["[::1]:7"]);
        assert!(of("localhost").contains(&"127.0.0.1:7".to_owned()));
        assert!(loopback(7).iter().all(|address| address.ip().is_loopback()));
    }
}
