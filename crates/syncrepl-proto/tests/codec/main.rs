//! The codec and the session through the public interface: golden bytes, comparison with `rasn`,
//! every split of the stream, hostile bytes, and the order of messages.

#[cfg(test)]
mod ber;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod owned;
#[cfg(test)]
mod session;
#[cfg(test)]
mod session_controls;
#[cfg(test)]
mod session_end;
#[cfg(test)]
mod split;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod updates;
#[cfg(test)]
mod wire;
