import type { ChildProcess } from 'node:child_process';

const children = new Set<ChildProcess>();

/** Has a child ended with this process, however that ends: by itself or by a signal that it hears. */
export function track<T extends ChildProcess>(child: T): T {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
