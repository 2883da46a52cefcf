import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { configurationPage, environmentExample } from '../../../scripts/config-docs.ts'

const read = (file: string) => fs.readFileSync(path.join(import.meta.dirname, '../../..', file), 'utf8')

t.test('docs/configuration.md and .env.example are what `npm run docs:config` writes', async (t) => {
  t.equal(read('docs/configuration.md'), configurationPage())
  t.equal(read('.env.example'), environmentExample())
})
