import { Failure } from '../model/errors.js';

/** "this key may not …", with the option of its line in authorized_keys that says so. */
export function denied(what: string): Failure {
  return new Failure('DENIED', `this key may not ${what}`);
}
