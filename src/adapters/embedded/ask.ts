import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/** Milliseconds that it has for an answer. */
const PATIENCE = 5_000;

/** What the engine behind the socket answers to a GET (Engine API, v1.24 and later); undefined where it does not, or with an error. */
export function ask(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, timeout: PATIENCE, agent: false }, (response) => {
      text(response).then(
        (body) => resolve(response.statusCode === 200 ? body : undefined),
        () => resolve(undefined),
      );
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
