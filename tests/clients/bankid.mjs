// An OpenID provider that stands where BankID does: oidc-provider with BankID's paths, scopes, claims and levels.
// Who signs in is said by login_hint; `cancel` does not, and `again` answers at once by the session that is there.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { PORT, CLIENT_SECRET, REDIRECT_URI, POST_LOGOUT_URI, SIGNING_KEY, CLIENT_KEY } = process.env;
const REALM = '/auth/realms/current';
const PEOPLE = {
  kari: {
    name: 'Kari Nordmann', birthdate: '1990-01-15', bankid_altsub: '9578-6000-4-351726', nnin_altsub: '15019000083',
    email: 'kari@example.no', phone_number: '+4740000001',
  },
  nameless: { bankid_altsub: '9578-6000-4-351727' },
};
const client = {
  redirect_uris: [REDIRECT_URI], post_logout_redirect_uris: [POST_LOGOUT_URI], response_types: ['code'],
  grant_types: ['authorization_code'],
};
const provider = new Provider(`http://127.0.0.1:${PORT}${REALM}`, {
  clients: [
    { ...client, client_id: 'drop', client_secret: CLIENT_SECRET },
    {
      ...client, client_id: 'drop-by-key', token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [JSON.parse(CLIENT_KEY)] },
    },
  ],
  routes: {
    authorization: '/precheck/auth', token: '/protocol/openid-connect/token', jwks: '/protocol/openid-connect/certs',
    end_session: '/protocol/openid-connect/logout', userinfo: '/userinfo',
  },
  jwks: { keys: [JSON.parse(SIGNING_KEY)] },
  acrValues: ['urn:bankid:bid', 'urn:bankid:bis'],
  scopes: ['openid', 'profile', 'nnin_altsub', 'email', 'phone'],
  claims: {
    openid: ['sub', 'bankid_altsub'], acr: null, amr: null, auth_time: null, profile: ['name', 'birthdate'],
    nnin_altsub: ['nnin_altsub'], email: ['email'], phone: ['phone_number'],
  },
  conformIdTokenClaims: false,
  pkce: { methods: ['S256'], required: () => true },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id.split('.')[0]] }) }),
  cookies: { keys: ['for tests alone'] },
  ttl: { Session: 600, Interaction: 600, Grant: 600, AuthorizationCode: 60, AccessToken: 300, IdToken: 300 },
});

async function interact(request, response) {
  const { params, prompt, session } = await provider.interactionDetails(request, response);
  const who = params.login_hint ?? 'kari';
  if (who === 'cancel') {
    const error = { error: 'access_denied', error_description: '<b>Cancelled</b>' };
    return provider.interactionFinished(request, response, error);
  }
  if (prompt.name === 'login') {
    const level = who.endsWith('.bis') ? 'urn:bankid:bis;LOA=3' : 'urn:bankid:bid;LOA=4';
    const login = { accountId: who, acr: level, amr: ['bid', 'bid-app'] };
    return provider.interactionFinished(request, response, { login });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

const serve = provider.callback();
createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) {
    interact(request, response).catch((error) => response.writeHead(500).end(String(error)));
    return;
  }
  request.originalUrl = request.url;
  request.baseUrl = REALM;
  request.url = request.url.slice(REALM.length);
  serve(request, response);
}).listen(Number(PORT), '127.0.0.1', () => console.log('listening'));
