/** The version of this program, and the versions of Node.js that it runs on, as package.json has them. */
import fs from 'node:fs'

interface Manifest {
  readonly version: string
  readonly engines: { readonly node: string }
}

export function readVersion(): string {
  return readManifest().version
}

/**
 * Checks the version of Node.js. npm only warns of an old one, and the errors that follow do not name the cause.
 * @param running such as `22.18.0`
 * @param needed the range of package.json, `>=` and a version
 * @returns a sentence if the version is too old, otherwise undefined
 */
export function tooOldNode(running: string, needed: string = readManifest().engines.node): string | undefined {
  const [major = 0, minor = 0] = running.split('.').map(Number)
  const [neededMajor = 0, neededMinor = 0] = needed.slice('>='.length).split('.').map(Number)
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return undefined
  return `fixdepot needs Node.js ${neededMajor}.${neededMinor} or newer, and this is ${running}.`
}

function readManifest(): Manifest {
  const file = new URL(import.meta.filename.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url)
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}
