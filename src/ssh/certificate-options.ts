import { parseSourceAddresses } from './addresses.js';
import type { Certificate } from './certificate.js';
import { createReader, WireError } from './wire.js';

/** What a certificate takes away from the rights of its authority's line, and what it demands. */
export type CertificateOptions = {
  forced?: string;
  sourceAddresses?: readonly string[];
  verificationRequired: boolean;
  touchRequired: boolean;
  terminal: boolean;
  agent: boolean;
  forwarding: boolean;
};

const known = {
  'force-command': (data: Buffer) => ({ forced: content(data) }),
  'source-address': (data: Buffer) => ({ sourceAddresses: parseSourceAddresses(content(data)) }),
  'verify-required': (data: Buffer) => ({ verificationRequired: empty(data) }),
} as const satisfies Record<string, (data: Buffer) => Partial<CertificateOptions>>;

const grants = {
  'permit-pty': { terminal: true },
  'permit-agent-forwarding': { agent: true },
  'permit-port-forwarding': { forwarding: true },
  'no-touch-required': { touchRequired: false },
} as const satisfies Record<string, Partial<CertificateOptions>>;

/**
 * cert_option_list of OpenSSH's auth-options.c: a critical option that is not known makes the certificate invalid, an extension that is not
 * known says nothing, and what no extension permits is not permitted. Throws an Error that says what is wrong.
 */
export function readCertificateOptions({ criticalOptions, extensions }: Certificate): CertificateOptions {
  const options: CertificateOptions = {
    verificationRequired: false,
    touchRequired: true,
    ...{ terminal: false, agent: false, forwarding: false },
  };
  for (const [name, data] of criticalOptions) {
    if (!Object.hasOwn(known, name))
      throw new Error(`critical option '${name.slice(0, 60)}' is not supported`);
    Object.assign(
      options,
      about(name, () => known[name as keyof typeof known](data)),
    );
  }
  for (const [name, data] of extensions) {
    if (!Object.hasOwn(grants, name)) continue;
    about(name, () => empty(data));
    Object.assign(options, grants[name as keyof typeof grants]);
  }
  return options;
}

function about<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`its ${name} is wrong: ${(cause as Error).message}`, { cause });
  }
}

function content(data: Buffer): string {
  const reader = createReader(data);
  const text = reader.text();
  reader.end();
  return text;
}

function empty(data: Buffer): true {
  if (data.length > 0) throw new WireError('it has a value');
  return true;
}
