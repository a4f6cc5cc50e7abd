// An OpenID provider that signs everybody in at once: discovery, keys, the authorization code flow with PKCE.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

export class OpenIdProvider {
  static async start(claims = {}) {
    const provider = new OpenIdProvider();
    provider.claims = claims;       // beside the ones that every ID token has
    provider.isForging = false;     // answers with another state
    provider.isRefusing = false;    // answers with an error
    provider.codes = new Map();
    provider.keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    provider.server = createServer((request, response) => { void provider.#answer(request, response); });
    await new Promise((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
    provider.issuer = `http://127.0.0.1:${provider.server.address().port}`;
    // As with some large providers, on another host than the issuer.
    provider.token_endpoint = `http://localhost:${provider.server.address().port}/token`;
    return provider;
  }
  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
  /** Whether this provider signed the token. */
  signed(token) { return this.tokens?.has(token) ?? false; }

  async #answer(request, response) {
    const url = new URL(request.url, this.issuer);
    const json = (status, value) => response.writeHead(status, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        json(200, { issuer: this.issuer, authorization_endpoint: `${this.issuer}/authorize`, token_endpoint: this.token_endpoint, jwks_uri: `${this.issuer}/keys` });
        return;
      case '/keys':
        json(200, { keys: [{ ...this.keys.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] });
        return;
      case '/authorize': {
        const asked = Object.fromEntries(url.searchParams);
        const code = randomUUID();
        this.codes.set(code, asked);
        const back = new URL(asked.redirect_uri);
        back.searchParams.set(...(this.isRefusing ? ['error', 'access_denied'] : ['code', code]));
        back.searchParams.set('state', this.isForging ? 'another' : asked.state);
        response.writeHead(302, { Location: back.href }).end();
        return;
      }
      case '/token': {
        let body = '';
        for await (const chunk of request) body += chunk;
        const token = this.#redeem(new URLSearchParams(body));
        if (token) json(200, { token_type: 'Bearer', id_token: token });
        else json(400, { error: 'invalid_grant' });
        return;
      }
      default: json(404, {});
    }
  }
  #redeem(form) {
    const asked = this.codes.get(form.get('code'));
    this.codes.delete(form.get('code'));
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (!asked || asked.code_challenge_method !== 'S256' || asked.code_challenge !== challenge || form.get('redirect_uri') !== asked.redirect_uri) return undefined;
    const now = Math.floor(Date.now() / 1000);
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const content = `${part({ alg: 'ES256', kid: 'one', typ: 'JWT' })}.${part({ iss: this.issuer, aud: asked.client_id, sub: 'olive', name: 'Olive Owner', iat: now, exp: now + 600, nonce: asked.nonce, amr: ['pwd', 'mfa'], ...this.claims })}`;
    const token = `${content}.${sign('sha256', Buffer.from(content), { key: this.keys.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    (this.tokens ??= new Set()).add(token);
    return token;
  }
}
