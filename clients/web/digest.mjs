// Notes in build.sha256 of which sources the built files were made, so that `make check` sees a bundle that was not
// built anew. Puts the manifest of trusted documents beside it.
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

copyFileSync('src/gql/persisted-documents.json', 'persisted-documents.json');
const built = '../../routes/browser_app/assets';
const filesIn = (folder, skipped = []) =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !skipped.includes(name))
    .flatMap((entry) => (entry.isDirectory() ? filesIn(`${folder}/${entry.name}`, skipped) : [`${folder}/${entry.name}`]));
const sources = ['codegen.ts', 'digest.mjs', 'index.html', 'package.json', 'package-lock.json', 'persisted-documents.json', 'vite.config.ts'];
const files = [...sources, ...filesIn('src', ['gql']), ...filesIn('gateway-client/src', ['schema.ts']), ...filesIn(built)];
const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
writeFileSync('build.sha256', files.sort().map((file) => `${digestOf(file)}  ${file}\n`).join(''));
