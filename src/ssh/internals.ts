import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';

/** The part of ssh2 1.17.0 that is private to it and that faults.ts wraps and agent.ts calls: lib/server.js, lib/Channel.js, lib/protocol/Protocol.js. */
type Callback = (error?: Error | null) => void;
type Write = (data: Buffer, encoding: BufferEncoding | null, callback: Callback) => void;

export type ChannelInternals = ServerChannel & {
  incoming: { window: number };
  outgoing: { window: number; state: 'open' | 'eof' | 'closing' | 'closed' };
  stderr: { _write: Write };
  _write: Write;
  _waitWindow: boolean;
  _chunk: Buffer | undefined;
  _chunkcb: Callback | undefined;
  _chunkErr: Buffer | undefined;
  _chunkcbErr: Callback | undefined;
};

export type SessionInternals = NodeJS.EventEmitter & {
  _ending: boolean;
  _channel: ChannelInternals | undefined;
  _chanInfo: { outgoing: { id: number } };
};

type ChannelRequest = [protocol: unknown, id: number, type: string, wantReply: boolean, data: unknown];

export type Protocol = {
  _handlers: {
    CHANNEL_OPEN: (protocol: unknown, info: { sender: number; packetSize: number }) => void;
    CHANNEL_OPEN_CONFIRMATION: (protocol: unknown, info: { packetSize: number }) => void;
    CHANNEL_WINDOW_ADJUST: (protocol: unknown, id: number, bytes: number) => void;
    CHANNEL_DATA: (protocol: unknown, id: number, data: Buffer) => void;
    CHANNEL_CLOSE: (protocol: unknown, id: number) => void;
    CHANNEL_REQUEST: (...request: ChannelRequest) => void;
  };
  _onHandshakeComplete: (...negotiated: unknown[]) => void;
  /** Set by the key exchange. */
  _kex: { remoteExtInfoEnabled: boolean } | undefined;
  /** Ours, as long as the key exchange goes on. */
  _kexinit: Buffer | undefined;
  _cipher: { encrypt(packet: Buffer): void };
  _packetRW: {
    write: { allocStart: number; alloc(length: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  channelClose(id: number): void;
  channelOpenFail(id: number, reason: number): void;
  openssh_authAgent(id: number, window: number, packetSize: number): void;
};

/** What stands in the channel manager for a channel that the client has not confirmed yet; called once, with the channel or an error. */
export type PendingChannel = ((error: Error | undefined, channel?: ServerChannel) => void) & { type: string };

export type ConnectionInternals = Connection & {
  _sock: Socket;
  /** `add` gives the channel's number, or -1 where there is none left. */
  _chanMgr: { add(entry: PendingChannel): number; get(id: number): unknown; remove(id: number): void };
  _protocol: Protocol;
};

const requiredOfConnection = [
  '_sock',
  '_chanMgr.add',
  '_chanMgr.get',
  '_chanMgr.remove',
  ...['OPEN', 'OPEN_CONFIRMATION', 'WINDOW_ADJUST', 'DATA', 'CLOSE', 'REQUEST'].map(
    (name) => `_protocol._handlers.CHANNEL_${name}`,
  ),
  '_protocol._onHandshakeComplete',
  '_protocol._kex',
  '_protocol._kexinit',
  '_protocol._cipher.encrypt',
  '_protocol._packetRW.write.alloc',
  '_protocol._packetRW.write.finalize',
  '_protocol.channelClose',
  '_protocol.channelOpenFail',
  '_protocol.openssh_authAgent',
];
const requiredOfChannel = [
  'incoming',
  'outgoing',
  '_write',
  'stderr._write',
  '_waitWindow',
  '_chunk',
  '_chunkcb',
  '_chunkErr',
  '_chunkcbErr',
];

/** Throws unless this ssh2 has every internal that this file relies on. The samples are there to be examined, not used. */
export function checkInternals(samples: { connection: object; channel: object } = sampleInternals()): void {
  const missing = [
    ...requiredOfConnection.filter((path) => !has(samples.connection, path)),
    ...requiredOfChannel.filter((path) => !has(samples.channel, path)),
  ];
  if (missing.length === 0) return;
  throw new Error(`this version of ssh2 does not fit, use 1.17.0: it lacks ${missing.join(', ')}`);
}

export function sampleInternals(): { connection: object; channel: object } {
  const closed = new Duplex({ read() {}, write() {} }).destroy();
  const { IncomingClient } = ssh2.Server as unknown as {
    IncomingClient: new (...given: unknown[]) => Connection;
  };
  const connection = new IncomingClient(closed, {}, undefined, undefined, undefined, {}, {}).on(
    'error',
    () => {},
  );
  const { Channel } = createRequire(import.meta.url)('ssh2/lib/Channel.js') as {
    Channel: new (...given: unknown[]) => object;
  };
  return { connection, channel: new Channel(connection, { incoming: {}, outgoing: {} }, { server: true }) };
}

function has(sample: unknown, path: string): boolean {
  let value = sample;
  for (const name of path.split('.')) {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !(name in value))
      return false;
    value = (value as Record<string, unknown>)[name];
  }
  return true;
}

export function isSession(entry: unknown): entry is SessionInternals {
  return typeof entry === 'object' && entry !== null && '_chanInfo' in entry;
}

/** The channel behind an entry of the channel manager: a session holds its own. */
export function channelOf(entry: unknown): ChannelInternals | undefined {
  if (isSession(entry)) return entry._channel;
  return typeof entry === 'object' && entry !== null ? (entry as ChannelInternals) : undefined;
}
