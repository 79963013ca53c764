import { asBytes, asNumber, asText, readMessage, type WireValue } from './wire.js';

/** What a solve reports (moby/buildkit, api/services/control/control.proto, StatusResponse). Times are seconds since the epoch. */
export type SolveStatus = {
  vertexes: Vertex[];
  statuses: VertexStatus[];
  logs: VertexLog[];
  warnings: VertexWarning[];
};

/** A step of the solve. It may start and complete more than once: first looked up in the cache, then run. */
export type Vertex = {
  digest: string;
  name: string;
  cached: boolean;
  started?: number;
  completed?: number;
  error: string;
};
/** A transfer within a vertex; bytes, `total` 0 where nobody knows. */
export type VertexStatus = {
  id: string;
  vertex: string;
  current: number;
  total: number;
  timestamp?: number;
  started?: number;
  completed?: number;
};
/** Output of a RUN, cut anywhere; stream 1 or 2 as the process has them. */
export type VertexLog = { vertex: string; timestamp: number; stream: number; data: Buffer };
type VertexWarning = { vertex: string; text: string };

export function decodeStatus(message: Buffer): SolveStatus {
  const status: SolveStatus = { vertexes: [], statuses: [], logs: [], warnings: [] };
  readMessage(message, (field, value) => {
    const bytes = asBytes(value);
    if (field === 1) status.vertexes.push(decodeVertex(bytes));
    else if (field === 2) status.statuses.push(decodeVertexStatus(bytes));
    else if (field === 3) status.logs.push(decodeLog(bytes));
    else if (field === 4) status.warnings.push(decodeWarning(bytes));
  });
  return status;
}

function decodeVertex(message: Buffer): Vertex {
  const vertex: Vertex = { digest: '', name: '', cached: false, error: '' };
  readMessage(message, (field, value) => {
    if (field === 1) vertex.digest = asText(value);
    else if (field === 3) vertex.name = asText(value);
    else if (field === 4) vertex.cached = asNumber(value) === 1;
    else if (field === 5) vertex.started = decodeTime(value);
    else if (field === 6) vertex.completed = decodeTime(value);
    else if (field === 7) vertex.error = asText(value);
  });
  return vertex;
}

function decodeVertexStatus(message: Buffer): VertexStatus {
  const status: VertexStatus = { id: '', vertex: '', current: 0, total: 0 };
  readMessage(message, (field, value) => {
    if (field === 1) status.id = asText(value);
    else if (field === 2) status.vertex = asText(value);
    else if (field === 4) status.current = asNumber(value);
    else if (field === 5) status.total = asNumber(value);
    else if (field === 6) status.timestamp = decodeTime(value);
    else if (field === 7) status.started = decodeTime(value);
    else if (field === 8) status.completed = decodeTime(value);
  });
  return status;
}

function decodeLog(message: Buffer): VertexLog {
  const log: VertexLog = { vertex: '', timestamp: 0, stream: 1, data: Buffer.alloc(0) };
  readMessage(message, (field, value) => {
    if (field === 1) log.vertex = asText(value);
    else if (field === 2) log.timestamp = decodeTime(value);
    else if (field === 3) log.stream = asNumber(value);
    else if (field === 4) log.data = asBytes(value);
  });
  return log;
}

function decodeWarning(message: Buffer): VertexWarning {
  const warning: VertexWarning = { vertex: '', text: '' };
  readMessage(message, (field, value) => {
    if (field === 1) warning.vertex = asText(value);
    else if (field === 3) warning.text = asText(value);
  });
  return warning;
}

/** google.protobuf.Timestamp{1 seconds, 2 nanos}. */
function decodeTime(value: WireValue): number {
  let seconds = 0;
  let nanoseconds = 0;
  readMessage(asBytes(value), (field, part) => {
    if (field === 1) seconds = asNumber(part);
    else if (field === 2) nanoseconds = asNumber(part);
  });
  return seconds + nanoseconds / 1e9;
}
