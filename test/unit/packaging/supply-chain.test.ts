import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'

const ROOT = path.join(import.meta.dirname, '../../..')

interface LockEntry {
  readonly version: string
  readonly dev?: boolean
  readonly license?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}

const read = (file: string) => fs.readFileSync(path.join(ROOT, file), 'utf8')
const { dependencies, devDependencies, allowScripts } = JSON.parse(read('package.json'))
const direct: Record<string, string> = { ...dependencies, ...devDependencies }
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> }
/** All packages of the lockfile, by their path in `node_modules`. */
const entries = Object.entries(packages).filter(([location]) => location !== '')

/** Licenses that require attribution only. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT']

const nameOf = (location: string) => location.slice(location.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** Of `(A OR B)` one is enough; `A AND B` is not accepted without a review. */
function isAllowed(license = ''): boolean {
  return license
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some((one) => ALLOWED.includes(one))
}

t.test('direct dependencies have the exact versions of the lockfile', async (t) => {
  for (const [name, version] of Object.entries(direct)) {
    t.match(version, /^\d+\.\d+\.\d+$/, name)
    t.equal(packages[`node_modules/${name}`]?.version, version, name)
  }
})

t.test('every package of the lockfile has a digest', async (t) => {
  t.same(
    entries.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([location]) => location),
    []
  )
})

t.test('install scripts run only for listed packages, and others end the installation', async (t) => {
  const withScripts = entries.filter(([, entry]) => entry.hasInstallScript).map(([location]) => nameOf(location))
  for (const name of withScripts) t.ok(name in allowScripts, `${name} is decided upon`)
  t.same(
    withScripts.filter((name) => name in dependencies),
    [],
    'no dependency of the server needs one'
  )
  t.match(read('.npmrc'), /^strict-allow-scripts=true$/m)
})

t.test('every dependency of the server declares an allowed license', async (t) => {
  for (const [location, { dev, license }] of entries) {
    if (dev) continue
    t.ok(isAllowed(license), `${location} is under ${license}`)
    const file = path.join(location, 'package.json')
    // Packages for other platforms are not installed.
    if (fs.existsSync(path.join(ROOT, file))) t.equal(JSON.parse(read(file)).license, license, location)
  }
})

t.test('the page of dependencies has a reason for each dependency, and no other entries', async (t) => {
  const page = read('docs/dependencies.md')
  const rows = [...page.matchAll(/^\| (\S+) \| (.*) \|$/gm)].filter(([, name]) => name !== 'package' && name !== '---')
  t.same(rows.map(([, name]) => name).sort(), Object.keys(direct).sort())
  for (const [, name, reason = ''] of rows) t.ok(reason.length > 10, `${name} has a reason`)
})
