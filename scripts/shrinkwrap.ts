/**
 * Writes npm-shrinkwrap.json for `npm pack`: the lockfile without the development dependencies. npm does not publish
 * package-lock.json, but an installed package must get the tested versions.
 */
import fs from 'node:fs'
import { readJson } from './read-json.ts'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devDependencies?: object }>>
}

const lock = readJson<Lock>('package-lock.json')
const production = Object.entries(lock.packages).filter(([, { dev }]) => dev !== true)
const packages = Object.fromEntries(production.map(([path, { devDependencies, ...entry }]) => [path, entry]))
fs.writeFileSync('npm-shrinkwrap.json', `${JSON.stringify({ ...lock, packages }, null, 2)}\n`)
