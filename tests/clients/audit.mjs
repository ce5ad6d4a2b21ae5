// Runs graphql-http's audit against GATEWAY and prints a line per fault, then the count.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: `${process.env.GATEWAY}/graphql` });
const ok = results.filter((result) => result.status === 'ok');
for (const result of results) {
  if (result.status !== 'ok') console.log(`${result.status} ${result.id} ${result.name}: ${result.reason}`);
}
console.log(`${ok.length} of ${results.length}`);
process.exitCode = ok.length === results.length ? 0 : 1;
