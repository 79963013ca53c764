import { Failure } from '../../model/errors.js';

/**
 * ENOSPC and EDQUOT as Go spells them, behind all that it says about them (syscall, zerrors_linux_amd64.go): the engine has no code
 * for them. What a RUN says itself never comes here.
 */
const FULL = /(?:^|: )(?:no space left on device|disk quota exceeded)\s*$/;

/** The failure, where the engine's own words say that its disk is full. */
export function diskFull(message: string): Failure | undefined {
  if (!FULL.test(message)) return undefined;
  return new Failure('DISK_FULL', `disk full: the engine has no room: ${message}`);
}
