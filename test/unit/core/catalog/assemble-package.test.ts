import t from 'tap'
import {
  type Assembly,
  type AssemblyInput,
  assemblePackage,
  type KnownFile,
  namedPaths
} from '../../../../src/core/catalog/assemble-package.ts'
import { splitName } from '../../../../src/core/catalog/file-name.ts'
import type { PackageDescription } from '../../../../src/core/catalog/package.ts'

const SHA = 'a'.repeat(64)
const OTHER_SHA = 'b'.repeat(64)

function known(path: string, size = 10): KnownFile {
  const { suffix } = splitName(path)
  return { path, suffix, size, crc32: 1, sha256: SHA, modifiedAt: 1_500_000_000 }
}

function describe(more: Partial<PackageDescription>): PackageDescription {
  const texts = { name: '', version: '', buildNumber: '', category: '', vendor: '', description: '', severity: '' }
  const lists = { machineTypes: [], operatingSystems: [], members: [], requisites: [], payloads: [], companions: [] }
  const rest = { releaseDate: '', updateType: '', rebootRequired: '', family: '', properties: {} }
  return { fixid: 'p-1.00', kind: 'update', form: 'classic', ...texts, ...lists, ...rest, ...more }
}

interface Situation extends Partial<Omit<AssemblyInput, 'description' | 'namedFiles'>> {
  readonly says?: Partial<PackageDescription>
  readonly named?: readonly KnownFile[]
}

function assemble({ says = {}, named = [], ...more }: Situation): Assembly {
  return assemblePackage({
    description: describe(says),
    metadataFile: known('d/p-1.00.xml'),
    siblings: [],
    namedFiles: new Map(named.map((file) => [file.path, file])),
    promises: [],
    ...more
  })
}

const rolesOf = ({ package: { files } }: Assembly) => Object.fromEntries(files.map(({ path, role }) => [path, role]))
const whereOf = ({ problems }: Assembly) => problems.map(({ code, path }) => `${code} at ${path}`)

t.test('a classic package is its four files, each with its role', async (t) => {
  const siblings = ['d/p-1.00.uxz', 'd/p-1.00.txt', 'd/p-1.00.chg', 'd/p-1.00.pdf'].map((path) => known(path))
  const assembly = assemble({ says: { payloads: [{ name: 'p-1.00.uxz' }] }, siblings, named: siblings.slice(0, 1) })
  t.strictSame(rolesOf(assembly), {
    'd/p-1.00.uxz': 'payload',
    'd/p-1.00.xml': 'metadata',
    'd/p-1.00.txt': 'readme',
    'd/p-1.00.chg': 'change-history',
    'd/p-1.00.pdf': 'other'
  })
  t.equal(assembly.package.payloadState, 'present')
  t.strictSame(assembly.problems, [])
  const payload = assembly.package.files.find(({ role }) => role === 'payload')
  const { suffix, ...facts } = known('d/p-1.00.uxz')
  t.strictSame(payload, { ...facts, role: 'payload' })
})

t.test('the files come in one order, whatever the order in which they were found', async (t) => {
  const siblings = ['d/p-1.00.uxz', 'd/p-1.00.txt', 'd/p-1.00.chg'].map((path) => known(path))
  t.strictSame(assemble({ siblings: siblings.toReversed() }), assemble({ siblings }))
})

t.test('a payload that is not named is found by its name', async (t) => {
  const assembly = assemble({ siblings: [known('d/p-1.00.tar.gz')] })
  t.equal(assembly.package.payloadState, 'present')
})

t.test('metadata without its payload is a package that is not downloaded', async (t) => {
  t.equal(assemble({}).package.payloadState, 'missing')
  const named = assemble({ says: { payloads: [{ name: 'p-1.00.uxz' }] } })
  t.equal(named.package.payloadState, 'missing')
  t.strictSame(named.problems, [])
})

t.test('with one of two named payloads a package is not whole', async (t) => {
  const says = { payloads: [{ name: 'one.lvt' }, { name: 'two.lvt' }] }
  const assembly = assemble({ says, named: [known('d/one.lvt')] })
  t.equal(assembly.package.payloadState, 'missing')
  t.strictSame(rolesOf(assembly), { 'd/one.lvt': 'payload', 'd/p-1.00.xml': 'metadata' })
})

t.test('a system pack needs no payload, unless it names one', async (t) => {
  t.equal(assemble({ says: { kind: 'system-pack' } }).package.payloadState, 'none')
  const says = { kind: 'system-pack', payloads: [{ name: 'x.zip' }] } as const
  t.equal(assemble({ says }).package.payloadState, 'missing')
  t.equal(assemble({ says, named: [known('d/x.zip')] }).package.payloadState, 'present')
})

t.test('a payload without content is reported and does not count', async (t) => {
  const assembly = assemble({ siblings: [known('d/p-1.00.uxz', 0)] })
  t.equal(assembly.package.payloadState, 'missing')
  t.strictSame(whereOf(assembly), ['empty-payload at d/p-1.00.uxz'])
})

t.test('a named payload is a payload whatever its suffix, and metadata is metadata whatever names it', async (t) => {
  const says = { payloads: [{ name: 'readme.txt' }, { name: 'p-1.00.xml' }], companions: ['readme.txt', 'notes.pdf'] }
  const assembly = assemble({ says, named: [known('d/readme.txt'), known('d/notes.pdf'), known('d/p-1.00.xml')] })
  t.strictSame(rolesOf(assembly), {
    'd/readme.txt': 'payload',
    'd/notes.pdf': 'other',
    'd/p-1.00.xml': 'metadata'
  })
})

t.test('a V3 package that is one .zip is its own payload', async (t) => {
  const assembly = assemble({ metadataFile: known('p-1.00.zip'), says: { form: 'v3' } })
  t.strictSame(rolesOf(assembly), { 'p-1.00.zip': 'payload' })
  t.equal(assembly.package.payloadState, 'present')
})

t.test('names in metadata match files of another case beside it', async (t) => {
  const assembly = assemble({ says: { payloads: [{ name: 'P-1.00.UXZ' }] }, siblings: [known('d/p-1.00.uxz')] })
  t.equal(assembly.package.payloadState, 'present')
  t.strictSame(rolesOf(assembly), { 'd/p-1.00.uxz': 'payload', 'd/p-1.00.xml': 'metadata' })
})

t.test('a payload name that leads out is reported, never followed', async (t) => {
  for (const name of ['../x.uxz', '/etc/passwd', 'a\\b', 'C:x', '.']) {
    const assembly = assemble({ says: { payloads: [{ name }] }, named: [known('x.uxz')] })
    t.strictSame(whereOf(assembly), ['unsafe-payload-path at d/p-1.00.xml'])
    t.match(assembly.problems[0]?.text, JSON.stringify(name))
    t.strictSame(rolesOf(assembly), { 'd/p-1.00.xml': 'metadata' })
    t.equal(assembly.package.payloadState, 'missing')
  }
})

t.test('a size or digest that metadata records is compared', async (t) => {
  const check = (recorded: { size?: number; sha256?: string }) =>
    assemble({ says: { payloads: [{ name: 'p-1.00.uxz', ...recorded }] }, named: [known('d/p-1.00.uxz')] })
  t.strictSame(whereOf(check({ size: 10, sha256: SHA })), [])
  t.strictSame(whereOf(check({ sha256: OTHER_SHA })), ['digest-mismatch at d/p-1.00.uxz'])
  const wrongSize = check({ size: 11, sha256: OTHER_SHA })
  t.strictSame(whereOf(wrongSize), ['size-mismatch at d/p-1.00.uxz'])
  t.match(wrongSize.problems[0]?.text, /11 bytes are recorded, 10 are there$/)
  t.equal(check({ size: 11 }).package.payloadState, 'present')
})

t.test('a signature speaks for the file it names, or for the only payload when it names none', async (t) => {
  const payloads = [{ name: 'payloads/one.lvt' }, { name: 'two.lvt' }]
  const named = [known('d/payloads/one.lvt'), known('d/two.lvt')]
  const promise = (fileName: string) => [{ fileName, size: 10, sha256: OTHER_SHA }]
  const both = (fileName: string) => assemble({ says: { payloads }, named, promises: promise(fileName) })
  t.strictSame(whereOf(both('one.lvt')), ['digest-mismatch at d/payloads/one.lvt'])
  t.strictSame(whereOf(both('')), [])
  t.strictSame(whereOf(both('three.lvt')), [])
  const only = assemble({ says: { payloads: payloads.slice(1) }, named, promises: promise('') })
  t.strictSame(whereOf(only), ['digest-mismatch at d/two.lvt'])
})

t.test('named paths lie beside the metadata, and unsafe ones are left out', async (t) => {
  const description = describe({
    companions: ['./p.txt', '../p.chg'],
    payloads: [{ name: 'payloads//p.uxz' }, { name: '' }, { name: 'a\\b' }]
  })
  t.strictSame(namedPaths(description, 'a/b/p.xml'), ['a/b/p.txt', 'a/b/payloads/p.uxz'])
  t.strictSame(namedPaths(description, 'p.xml'), ['p.txt', 'payloads/p.uxz'])
})
