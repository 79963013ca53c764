import type { Socket } from 'node:net';
import type { Connection, ServerChannel } from 'ssh2';
import {
  channelOf,
  isSession,
  type ChannelInternals,
  type ConnectionInternals,
  type Protocol,
} from './internals.js';
import { keyTypes } from './publickey.js';
import { uint32, wireString } from './wire.js';

/**
 * What ssh2 1.17.0 does wrong as a server, put right from outside by wrapping its internals. Each fault was seen with a real
 * client and has a test that fails without its mend; each comment names the place in ssh2 that it is about.
 */
const RESOURCE_SHORTAGE = 4; // RFC 4254 §5.1
const EXT_INFO = 7; // RFC 8308 §2.3
const signatureAlgorithms = [
  ...keyTypes.filter((type) => type !== 'ssh-rsa'),
  ...['rsa-sha2-512', 'rsa-sha2-256'],
].join(',');

export function socketOf(connection: Connection): Socket {
  return (connection as ConnectionInternals)._sock;
}

/** Whether the client has ever said which algorithms it knows. */
export function isNegotiating(connection: Connection): boolean {
  return (connection as ConnectionInternals)._protocol._kex !== undefined;
}

/** To be called once for each connection, in the server's `connection` event. */
export function mendConnection(connection: Connection): void {
  const internals = connection as ConnectionInternals;
  connection.setMaxListeners(0); // each of its channels listens for its end
  mendWindowAdjust(internals);
  mendRequests(internals);
  mendClose(internals);
  refuseHostileSizes(internals);
  mendExtensionInfo(internals._protocol);
  mendDisconnect(internals);
}

/**
 * To be called once for each accepted channel, at once. From then on the channel emits `gone` exactly once, when nothing can
 * be sent on it any more (closed by either side, connection lost), and `eow` when the client says that its reader is gone.
 * ssh2's own `close` never comes while something that the client sent is unread (onCHANNEL_CLOSE of lib/utils.js).
 */
export function mendChannel(connection: Connection, channel: ServerChannel): void {
  const internals = channel as ChannelInternals;
  // Writable knows no write after the end without an error event: an unheard one would end the process.
  channel.on('error', () => {});
  channel.stderr.on('error', () => {});
  // Channel._write and ServerStderr._write return without a word when the channel is not open any more.
  let gone = false;
  for (const stream of [internals, internals.stderr]) {
    const write = stream._write;
    stream._write = (data, encoding, callback) => {
      if (gone || internals.outgoing.state !== 'open') callback();
      else write.call(stream, data, encoding, callback);
    };
  }
  const release = (): void => {
    if (gone) return;
    gone = true;
    connection.removeListener('close', release);
    const { _chunkcb: stdout, _chunkcbErr: stderr } = internals;
    internals._chunk = internals._chunkcb = internals._chunkErr = internals._chunkcbErr = undefined;
    stdout?.();
    stderr?.();
    channel.emit('gone');
  };
  const close = channel.close.bind(channel);
  channel.close = () => {
    close();
    release();
  };
  connection.on('close', release);
}

// The original sends _chunk again when stdout and stderr had both filled the window: doubled bytes, lost bytes, or a hang.
function mendWindowAdjust({ _chanMgr, _protocol }: ConnectionInternals): void {
  _protocol._handlers.CHANNEL_WINDOW_ADJUST = (_, id, bytes) => {
    const channel = channelOf(_chanMgr.get(id));
    if (channel === undefined) return;
    channel.outgoing.window += bytes;
    if (!channel._waitWindow) return;
    channel._waitWindow = false;
    const { _chunk: stdout, _chunkcb: onStdout, _chunkErr: stderr, _chunkcbErr: onStderr } = channel;
    channel._chunk = channel._chunkcb = channel._chunkErr = channel._chunkcbErr = undefined;
    if (stdout !== undefined && onStdout !== undefined) channel._write(stdout, null, onStdout);
    if (stderr !== undefined && onStderr !== undefined) channel.stderr._write(stderr, null, onStderr);
  };
}

// eow@openssh.com (OpenSSH's PROTOCOL §2.1: the reader is gone) is ignored, so `ssh host build | head -1` would never end;
// a signal is dropped once the client has sent EOF, which `ssh host build < /dev/null` does at once.
function mendRequests({ _chanMgr, _protocol }: ConnectionInternals): void {
  const original = _protocol._handlers.CHANNEL_REQUEST;
  _protocol._handlers.CHANNEL_REQUEST = (...request) => {
    const [, id, type, , data] = request;
    const entry = _chanMgr.get(id);
    if (type === 'eow@openssh.com') {
      const channel = channelOf(entry);
      channel?.emit('eow');
      channel?.close();
    } else if (type === 'signal' && isSession(entry) && entry._ending) {
      entry.emit('signal', undefined, undefined, { name: data });
    } else {
      original(...request);
    }
  };
}

// The close of a session that never ran anything is not answered (RFC 4254 §5.3 wants it), and its entry stays for ever.
function mendClose({ _chanMgr, _protocol }: ConnectionInternals): void {
  const original = _protocol._handlers.CHANNEL_CLOSE;
  _protocol._handlers.CHANNEL_CLOSE = (protocol, id) => {
    const entry = _chanMgr.get(id);
    original(protocol, id);
    if (!isSession(entry) || entry._channel !== undefined) return;
    _protocol.channelClose(entry._chanInfo.outgoing.id);
    _chanMgr.remove(id);
  };
}

// A maximum packet size of 0 makes Channel._write loop for ever, and data beyond the window is kept in memory without end.
function refuseHostileSizes({ _chanMgr, _protocol, _sock }: ConnectionInternals): void {
  const {
    CHANNEL_OPEN: open,
    CHANNEL_OPEN_CONFIRMATION: confirm,
    CHANNEL_DATA: receive,
  } = _protocol._handlers;
  _protocol._handlers.CHANNEL_OPEN = (protocol, info) => {
    if (info.packetSize < 256) _protocol.channelOpenFail(info.sender, RESOURCE_SHORTAGE);
    else open(protocol, info);
  };
  _protocol._handlers.CHANNEL_OPEN_CONFIRMATION = (protocol, info) => {
    if (info.packetSize < 256) _sock.destroy();
    else confirm(protocol, info);
  };
  _protocol._handlers.CHANNEL_DATA = (protocol, id, data) => {
    const channel = channelOf(_chanMgr.get(id));
    if (channel !== undefined && data.length > channel.incoming.window) _sock.destroy();
    else receive(protocol, id, data);
  };
}

// sendExtInfo forgets a comma (…nistp521rsa-sha2-512), so a client that has rsa-sha2-512 alone finds no algorithm.
function mendExtensionInfo(protocol: Protocol): void {
  const original = protocol._onHandshakeComplete;
  protocol._onHandshakeComplete = (...negotiated) => {
    protocol._onHandshakeComplete = original;
    const wanted = protocol._kex?.remoteExtInfoEnabled === true;
    if (protocol._kex !== undefined) protocol._kex.remoteExtInfoEnabled = false;
    original(...negotiated);
    if (wanted) sendExtensionInfo(protocol);
  };
}

// RFC 8308 §2.3 and §3.1.
function sendExtensionInfo({ _packetRW: { write }, _cipher }: Protocol): void {
  const fields = [uint32(1), wireString('server-sig-algs'), wireString(signatureAlgorithms)];
  const payload = Buffer.concat([Buffer.from([EXT_INFO]), ...fields]);
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  _cipher.encrypt(write.finalize(packet));
}

// A client that has gone or is frozen is only half-closed (socket.end()): without an answer from it, 'close' never comes.
function mendDisconnect(connection: ConnectionInternals): void {
  const socket = connection._sock;
  connection.on('end', () => socket.destroy());
  connection.on('error', (error: Error & { level?: string }) => {
    if (error.level === 'client-timeout') socket.destroy();
    else socket.destroySoon();
  });
}
