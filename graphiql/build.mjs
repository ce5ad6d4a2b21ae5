// Bundles GraphiQL with the examples into routes/graphql/assets, whose files are committed. build.sha256 says of which
// sources the files were made, so that `make check` sees a bundle that was not built anew.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

const target = '../routes/graphql/assets';
const tabs = readdirSync('examples')
  .filter((file) => file.endsWith('.graphql'))
  .sort()
  .map((file) => {
    const variables = `examples/${basename(file, '.graphql')}.json`;
    let text = '';
    try {
      text = readFileSync(variables, 'utf8').trim();
    } catch {
      // An example without variables has no such file.
    }
    return { query: readFileSync(`examples/${file}`, 'utf8'), variables: text };
  });

rmSync(target, { recursive: true, force: true });
await build({
  entryPoints: { graphiql: 'src/main.jsx' },
  bundle: true,
  minify: true,
  format: 'iife',
  jsx: 'automatic',
  outdir: target,
  legalComments: 'eof',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.woff2': 'file', '.woff': 'file', '.ttf': 'file' },
  plugins: [
    {
      name: 'examples',
      setup(bundle) {
        bundle.onResolve({ filter: /^examples$/ }, () => ({ path: 'examples', namespace: 'examples' }));
        bundle.onLoad({ filter: /.*/, namespace: 'examples' }, () => ({ contents: JSON.stringify(tabs), loader: 'json' }));
      },
    },
  ],
});
writeFileSync(
  `${target}/index.html`,
  `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="icon" href="data:,">
  <title>GraphiQL · Drop</title>
  <link rel="stylesheet" href="/graphiql/graphiql.css">
</head>
<body><div id="root"></div><script src="/graphiql/graphiql.js"></script></body>
</html>
`,
);
const filesIn = (folder) => readdirSync(folder).map((file) => `${folder}/${file}`);
const sources = ['build.mjs', 'package.json', 'package-lock.json', ...filesIn('src'), ...filesIn('examples')];
const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
const lines = [...sources, ...filesIn(target)].sort().map((file) => `${digestOf(file)}  ${file}\n`);
writeFileSync('build.sha256', lines.join(''));
