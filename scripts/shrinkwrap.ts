/**
 * Makes npm-shrinkwrap.json for the package that is about to be packed: the lockfile without what only development
 * needs. npm publishes no package-lock.json, and whoever installs the package is to get the versions that were tested.
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
