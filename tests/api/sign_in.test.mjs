// Sign-in by OpenID Connect: a provider of the test's own, with keys that change, and a real node.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { MeridianNode } from '../support/node.mjs';

/** Repeats an assertion until it holds: the node fetches documents by itself. */
async function eventually(check) {
  for (let tries = 0; ; tries += 1) {
    try { return await check(); } catch (error) { if (tries > 100) throw error; }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

let provider;
let node;
let keys = [];
const asked = [];

/** A key pair of the provider; `publish()` makes its keys the ones that it publishes. */
async function makeKey(algorithm, kid) {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { crv: algorithm === 'EdDSA' ? 'Ed25519' : undefined });
  return { algorithm, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: algorithm } };
}

function token(key, claims = {}) {
  const all = { amr: ['pwd', 'mfa'], meridian_role: 'auditor', meridian_account: 'dev', ...claims };
  return new SignJWT(all).setProtectedHeader({ alg: key.algorithm, kid: key.kid })
    .setIssuer(claims.iss ?? provider.issuer).setAudience(claims.aud ?? 'meridian-admin').setSubject('person-1')
    .setIssuedAt().setExpirationTime(claims.exp ?? '5m').sign(key.privateKey);
}

before(async () => {
  keys = [await makeKey('ES256', 'one'), await makeKey('RS256', 'two'), await makeKey('EdDSA', 'three')];
  provider = createServer((request, response) => {
    asked.push(request.url);
    const { issuer } = provider;
    const documents = {
      '/.well-known/openid-configuration': { issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys` },
      '/keys': { keys: keys.map((key) => key.jwk) },
    };
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise((resolve) => provider.listen(0, '127.0.0.1', resolve));
  provider.issuer = `http://127.0.0.1:${provider.address().port}`;
  node = await MeridianNode.start({ admin: `  oidc: {issuer: "${provider.issuer}", client_id: meridian-admin}` });
  await eventually(async () => assert.ok((await node.api('GET', '/v1/sign-in', { token: '' })).body.oidc));
});
after(async () => { await node?.dispose(); provider?.close(); });

const me = async (bearer) => node.api('GET', '/v1/me', { token: bearer });

test('the node learns its provider\'s endpoints and keys by itself', async () => {
  const { body } = await node.api('GET', '/v1/sign-in', { token: '' });
  assert.deepEqual(body, {
    oidc: { issuer: provider.issuer, client_id: 'meridian-admin', authorization_endpoint: `${provider.issuer}/authorize`, token_endpoint: `${provider.issuer}/token`, scope: 'openid profile email' },
    static_token: false,
  });
  await eventually(async () => assert.ok(asked.includes('/keys')));
});

test('people with a second factor are let in with their role, under each algorithm', async () => {
  for (const key of keys) {
    await eventually(async () => assert.equal((await me(await token(key))).status, 200));
    const { body } = await me(await token(key));
    assert.deepEqual([body.name, body.role, body.account, body.signed_in_by], ['person-1', 'auditor', 'dev', 'oidc']);
    assert.ok(Date.parse(body.expires) > Date.now());
  }
  assert.equal((await node.api('GET', '/v1/accounts/dev/routing', { token: await token(keys[0]) })).status, 200);
  assert.equal((await node.api('PUT', '/v1/accounts/dev/routing', { token: await token(keys[0]), body: {} })).status, 403);
  assert.equal((await node.api('GET', '/v1/accounts/uk-only/routing', { token: await token(keys[0]) })).status, 404);
});

test('nobody else is', async () => {
  const stranger = await makeKey('ES256', 'one');
  for (const [why, bearer] of [
    ['a forged signature', await token(stranger)],
    ['one factor', await token(keys[0], { amr: ['pwd'] })],
    ['another application', await token(keys[0], { aud: 'other' })],
    ['another issuer', await token(keys[0], { iss: 'https://evil.example' })],
    ['expired', await token(keys[0], { exp: Math.floor(Date.now() / 1000) - 300 })],
    ['no role', await token(keys[0], { meridian_role: 'king' })],
    ['no account', await token(keys[0], { meridian_account: '' })],
    ['a static token', 'owner'],
  ]) {
    const { status, body } = await me(bearer);
    assert.equal(status, 401, why);
    assert.equal(body.error, 'unauthorized');
  }
});
