// Join tokens made here, not by the program under test.
import { createHmac } from 'node:crypto';
import { ACCOUNTS } from './node.mjs';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function token({ account = 'dev', room = 'room', identity = 'somebody', name, grants = {}, claims = {}, secret } = {}) {
  const { key, secret: own } = ACCOUNTS[account];
  const now = Math.floor(Date.now() / 1000);
  const body = { iss: key, sub: identity, name: name ?? identity, nbf: now - 5, exp: now + 3600, video: { roomJoin: true, room, ...grants }, ...claims };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(body)}`;
  return `${signed}.${createHmac('sha256', secret ?? own).update(signed).digest('base64url')}`;
}
