//! The consumer's end of the model's connections. The model acts only while the consumer waits on
//! one of them, because there is one thread.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use syncrepl_client::{Network, Server, Stream};

use crate::chance::Purpose;
use crate::connection::Connection;
use crate::world::World;

/// How long a provider that lags is silent at a time: longer than the consumer waits before it takes
/// silence for the end of the changes.
const LAG: Duration = Duration::from_secs(2);

/// The world, shared with the consumer. There is one thread, so the lock is always free.
#[derive(Clone)]
pub struct Model(Arc<Mutex<World>>);

impl Model {
    pub fn new(world: World) -> Self {
        Model(Arc::new(Mutex::new(world)))
    }

    /// Draws for a purpose.
    pub fn draw<T>(&self, purpose: Purpose, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(self.world().draw(purpose))
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Line {
    model: Model,
    number: u64,
}

impl Network for Model {
    fn connect(&self, _: &Server) -> io::Result<Box<dyn Stream>> {
        let mut world = self.world();
        if world.fault(Purpose::ConnectFaults, 30) {
            world.log(" a connection is refused");
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let number = world.connections.keys().last().map_or(0, |last| last + 1);
        world.connections.insert(number, Connection::new());
        Ok(Box::new(Line {
            model: self.clone(),
            number,
        }))
    }

    fn now(&self) -> Instant {
        self.world().now()
    }
}

impl Read for Line {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut world = self.model.world();
        let Some(connection) = world.connections.get_mut(&self.number) else {
            return Ok(0);
        };
        if connection.outbox.is_empty() {
            return match connection.closed {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let most = connection.outbox.len().min(space.len());
        let whole = world.draw(Purpose::Network).u8(0..3) > 0 || !world.options.concurrent;
        let count = match whole {
            true => most,
            false => world.draw(Purpose::Network).usize(1..200).min(most),
        };
        world.take_time();
        let Some(connection) = world.connections.get_mut(&self.number) else {
            return Ok(0);
        };
        for (place, byte) in space.iter_mut().zip(connection.outbox.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.model.world();
        match world.connections.get_mut(&self.number) {
            Some(connection) if !connection.closed => connection.inbox.push(bytes),
            _ => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        world.take_requests(self.number);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Line {
    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<bool> {
        let mut world = self.model.world();
        world.take_time();
        if world.script.is_some() {
            return Ok(world.wait_for_script(self.number, deadline));
        }
        if world.lags(self.number) {
            let silent = world.now() + LAG;
            world.pass_until(Some(
                deadline.map_or(silent, |deadline| deadline.min(silent)),
            ));
            return Ok(false);
        }
        // A search beside would show newer entries than the messages that the provider still holds
        // back. So it holds none back, unless the run tries just that.
        let mut most = match world.options.concurrent {
            true => world.draw(Purpose::Network).u8(1..9),
            false => u8::MAX,
        };
        loop {
            let Some(connection) = world.connections.get(&self.number) else {
                return Ok(true);
            };
            let something = connection.closed || !connection.outbox.is_empty();
            if something && (most == 0 || connection.closed) {
                return Ok(true);
            }
            most = most.saturating_sub(1);
            if world.budget > 0 && world.draw(Purpose::Moments).u8(0..3) == 0 {
                world.budget -= 1;
                world.change();
            }
            if !world.emit(self.number) {
                if something {
                    return Ok(true);
                }
                if world.budget == 0 {
                    world.pass_until(deadline);
                    return Ok(false);
                }
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.model.world().connections.remove(&self.number);
    }
}
