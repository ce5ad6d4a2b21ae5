// The fixtures of docs/fixtures/drop-gateway.mjs, played as Playwright plays them.
import { fixtures } from '../../docs/fixtures/drop-gateway.mjs';

const [withGateway] = fixtures.gateway;
await withGateway({}, async (gateway) => {
  const cookies = [];
  const context = { addCookies: async (given) => cookies.push(...given) };
  await fixtures.user({ gateway, order: { banks: [{ id: 'bank_dnb' }] }, context }, async (user) => {
    await gateway.advance('1d');
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        origin: gateway.url,
        cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      },
      body: JSON.stringify({ query: '{ viewer { id bankAccounts { edges { node { id } } } } }' }),
    });
    const { viewer } = (await response.json()).data;
    console.log(JSON.stringify({ isUser: viewer.id === user.id, accounts: viewer.bankAccounts.edges.length }));
  });
});
