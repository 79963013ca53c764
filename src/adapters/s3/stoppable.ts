import { AbortMultipartUploadCommand, CreateMultipartUploadCommand, type S3Client } from '@aws-sdk/client-s3';

type Command = Parameters<S3Client['send']>[0];
type Limits = {
  /** Ends every request but the two that keep the store tidy. */
  signal: AbortSignal;
  /** Milliseconds for taking back an upload. */
  takeBack: number;
  /** What a request failed with → what the caller gets. */
  failure: (error: unknown) => Error;
  /** The upload to `key` could not be taken back: the store keeps its parts. */
  onLeft: (key: string) => void | Promise<void>;
};

/**
 * `client` for lib-storage, whose `Upload` gives no signal to its requests, and which forgets why it failed when taking the parts back
 * fails too. The request that begins an upload is never cut short: without its answer nobody could take the upload back.
 */
export function stoppable(client: S3Client, { signal, takeBack, failure, onLeft }: Limits): S3Client {
  async function begin(command: Command): Promise<unknown> {
    signal.throwIfAborted();
    return client.send(command);
  }
  async function abort(command: AbortMultipartUploadCommand): Promise<unknown> {
    try {
      return await client.send(command, { abortSignal: AbortSignal.timeout(takeBack) });
    } catch (error) {
      if (!(error instanceof Error && error.name === 'NoSuchUpload')) await onLeft(command.input.Key ?? '');
      return undefined;
    }
  }
  async function send(command: Command): Promise<unknown> {
    if (command instanceof AbortMultipartUploadCommand) return abort(command);
    try {
      return command instanceof CreateMultipartUploadCommand
        ? await begin(command)
        : await client.send(command, { abortSignal: signal });
    } catch (error) {
      signal.throwIfAborted();
      throw failure(error);
    }
  }
  return Object.create(client, { send: { value: send } }) as S3Client;
}
