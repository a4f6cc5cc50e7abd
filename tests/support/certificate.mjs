// A certificate for listeners of a test, and what a client needs to trust it.
import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a self-signed pair for these IP addresses into `folder`: {certificate, key, spki}. */
export function makeCertificate(folder, addresses) {
  const [certificate, key] = ['certificate.pem', 'key.pem'].map((name) => join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test',
    '-addext', `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}`, '-out', certificate, '-keyout', key], { stdio: 'ignore' });
  const spki = createPublicKey(readFileSync(certificate)).export({ type: 'spki', format: 'der' });
  return { certificate, key, spki: createHash('sha256').update(spki).digest('base64') };
}
