import t from 'tap'
import { parseClassicXml } from '../../../src/metadata/classic-xml.ts'
import { array, instance, property } from '../../support/metadata/xml.ts'

const parse = (text: string) => parseClassicXml(Buffer.from(text), 'base-name')
const parseParts = (...parts: string[]) => parse(instance(...parts))

const UEFI = 'lnvgy_fw_uefi_ive902b-9.02_anyos_32-64'
const XCC = 'lnvgy_fw_xcc_cdi901a-9.01_anyos_noarch'
const OLD = 'lnvgy_fw_uefi_ive801a-8.01_anyos_32-64'
const SHA = 'b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c'

const PROVEN = [
  property('category', 'UEFI'),
  property('Version', 'IVE902B 9.02'),
  property('buildNumber', 'IVE902B'),
  property('payload', `${UEFI}.uxz`),
  property('xmlFilename', `${UEFI}.xml`),
  array('preReq', XCC),
  array('applicableMachineTypes', 'ThinkSystem SR650 [7X05]', 'ThinkSystem SR650 [7X06]')
]
const FURTHER = [
  property('fixid', UEFI),
  property('name', 'UEFI firmware (For AnyOS)'),
  property('description', 'Made for tests.'),
  property('vendor', 'lnvgy'),
  property('updateType', 'firmware'),
  property('severity', 'suggested'),
  property('releaseDate', '2024-05-21'),
  property('rebootRequired', 'yes'),
  property('payloadSize', '3653632'),
  property('payloadSha256', SHA.toUpperCase()),
  property('readmeFilename', `${UEFI}.txt`),
  property('changeHistoryFilename', `${UEFI}.chg`),
  array('applicableOperatingSystems', 'None'),
  array('supersedes', OLD)
]
const FULL = instance(...PROVEN, ...FURTHER)

const DESCRIPTION = {
  fixid: UEFI,
  kind: 'update',
  form: 'classic',
  name: 'UEFI firmware (For AnyOS)',
  version: '9.02',
  buildNumber: 'IVE902B',
  category: 'UEFI',
  vendor: 'lnvgy',
  description: 'Made for tests.',
  severity: 'suggested',
  releaseDate: '2024-05-21',
  updateType: 'firmware',
  rebootRequired: 'yes',
  machineTypes: [
    { type: '7X05', name: 'ThinkSystem SR650' },
    { type: '7X06', name: 'ThinkSystem SR650' }
  ],
  operatingSystems: ['None'],
  family: 'ive',
  members: [],
  requisites: [
    { fixid: XCC, kind: 'prerequisite' },
    { fixid: OLD, kind: 'superseded' }
  ],
  payloads: [{ name: `${UEFI}.uxz`, size: 3653632, sha256: SHA }],
  companions: [`${UEFI}.txt`, `${UEFI}.chg`],
  properties: {}
}

t.test('all facts of a package are parsed', async (t) => {
  t.strictSame(parse(FULL), DESCRIPTION)
})

t.test('the confirmed properties are sufficient, and the base name is then the fixid', async (t) => {
  const { fixid, version, payloads, releaseDate, properties } = parseParts(...PROVEN)
  t.strictSame(
    { fixid, version, payloads, releaseDate, properties },
    { fixid: 'base-name', version: '9.02', payloads: [{ name: `${UEFI}.uxz` }], releaseDate: '', properties: {} }
  )
})

t.test('an instance without properties is a package with only a fixid', async (t) => {
  const { fixid, kind, payloads, machineTypes, version } = parse('<INSTANCE/>')
  t.strictSame([fixid, kind, payloads, machineTypes, version], ['base-name', 'update', [], [], ''])
})

t.test('encoding, line ends and the case of names make no difference', async (t) => {
  const declared = (encoding: string, text: string) => `<?xml version="1.0" encoding="${encoding}"?>\n${text}`
  const lines = FULL.replaceAll('><', '>\r\n  <')
  const forms = {
    'a byte order mark': Buffer.from(`\ufeff${declared('UTF-8', FULL)}`),
    'UTF-16 LE': Buffer.from(`\ufeff${declared('UTF-16', FULL)}`, 'utf16le'),
    'UTF-16 BE': Buffer.from(`\ufeff${declared('UTF-16', FULL)}`, 'utf16le').swap16(),
    'ISO-8859-1': Buffer.from(declared('ISO-8859-1', FULL), 'latin1'),
    'CRLF and indentation': Buffer.from(declared('UTF-8', lines)),
    'names in lower case': Buffer.from(FULL.replace(/NAME="(\w+)"/g, (text) => text.toLowerCase())),
    'names in upper case': Buffer.from(FULL.replace(/NAME="(\w+)"/g, (text) => text.toUpperCase())),
    'VALUE without VALUE.ARRAY': Buffer.from(FULL.replaceAll(/<\/?VALUE\.ARRAY>/g, ''))
  }
  for (const [form, bytes] of Object.entries(forms)) t.strictSame(parseClassicXml(bytes, 'x'), DESCRIPTION, form)
})

t.test('texts beyond ASCII and predefined entities are decoded', async (t) => {
  const text = `<?xml version="1.0" encoding="ISO-8859-1"?>${instance(property('name', 'Ger\u00e4t &lt;1&gt; &amp; <![CDATA[<2>]]>'))}`
  t.equal(parseClassicXml(Buffer.from(text, 'latin1'), 'x').name, 'Ger\u00e4t <1> & <2>')
})

t.test('synonyms are accepted', async (t) => {
  for (const name of ['fixid', 'fixID', 'packageID']) t.equal(parseParts(property(name, 'x-1')).fixid, 'x-1', name)
  for (const name of ['name', 'title']) t.equal(parseParts(property(name, 'x')).name, 'x', name)
  for (const name of ['releaseDate', 'date']) {
    t.equal(parseParts(property(name, '2024-05-21')).releaseDate, '2024-05-21', name)
  }
  for (const name of ['payload', 'payloadFiles', 'payloadFile']) {
    t.strictSame(parseParts(array(name, 'a', 'b')).payloads, [{ name: 'a' }, { name: 'b' }], name)
  }
  for (const name of ['readmeFilename', 'readme', 'changeHistoryFilename', 'changeHistory']) {
    t.strictSame(parseParts(property(name, 'x.txt')).companions, ['x.txt'], name)
  }
})

t.test('the second of several words is the version', async (t) => {
  const versions: Record<string, string> = {
    'CDI340V 3.08': '3.08',
    'CDI340V   3.08  beta': '3.08',
    'CDI340V\t3.08': '3.08',
    '3.08': '3.08',
    CDI340V: 'CDI340V',
    '': ''
  }
  for (const [text, version] of Object.entries(versions))
    t.equal(parseParts(property('Version', text)).version, version)
})

t.test('a fixid that cannot be the name of a file is replaced by the base name', async (t) => {
  for (const fixid of ['../x', 'a/b', 'a\\b', '', ' ', 'x'.repeat(256), 'a&#10;b']) {
    t.equal(parseParts(property('fixid', fixid)).fixid, 'base-name', fixid)
  }
})

t.test('a size and a digest are kept if there is only one payload', async (t) => {
  const payload = (...parts: string[]) => parseParts(property('payload', 'p.uxz'), ...parts).payloads
  t.strictSame(payload(property('payloadSize', '5')), [{ name: 'p.uxz', size: 5 }])
  t.strictSame(payload(property('payloadSha256', SHA)), [{ name: 'p.uxz', sha256: SHA }])
  for (const size of ['', '0', '-5', '1.5', 'five', '1e400', '9007199254740993']) {
    t.strictSame(payload(property('payloadSize', size)), [{ name: 'p.uxz' }], size)
  }
  for (const sha of ['', 'abc', SHA.slice(1), `${SHA}0`, `g${SHA.slice(1)}`]) {
    t.strictSame(payload(property('payloadSha256', sha)), [{ name: 'p.uxz' }], sha)
  }
  const two = parseParts(array('payload', 'a', 'b'), property('payloadSize', '5'), property('payloadSha256', SHA))
  t.strictSame(two.payloads, [{ name: 'a' }, { name: 'b' }])
  t.strictSame(parseParts(property('payloadSize', '5')).payloads, [])
})

t.test('a payload that is named by two synonyms is one payload', async (t) => {
  const twice = [property('payload', 'p.uxz'), array('payloadFiles', 'p.uxz'), property('payloadSize', '5')]
  t.strictSame(parseParts(...twice).payloads, [{ name: 'p.uxz', size: 5 }])
})

t.test('requisites are kept with their kinds', async (t) => {
  const parts = [array('preReq', 'a', 'b'), array('coReq', 'c'), array('supersedes', 'd', '')]
  t.strictSame(parseParts(...parts).requisites, [
    { fixid: 'a', kind: 'prerequisite' },
    { fixid: 'b', kind: 'prerequisite' },
    { fixid: 'c', kind: 'corequisite' },
    { fixid: 'd', kind: 'superseded' }
  ])
})

t.test('unknown properties are kept under their names', async (t) => {
  const { properties } = parseParts(property('isGA', 'true'), array('Labels', 'a', 'b'), property('__proto__', 'x'))
  t.strictSame(Object.entries(properties), [
    ['isGA', ['true']],
    ['Labels', ['a', 'b']],
    ['__proto__', ['x']]
  ])
})
