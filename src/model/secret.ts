import { inspect } from 'node:util';

/**
 * A value that must not be printed. Whatever turns it into text by accident (templates, JSON, console, inspect)
 * gets `***`; only `reveal()` gives the value, so a search for `reveal(` finds every place where one is used.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return 'Secret(***)';
  }
}
