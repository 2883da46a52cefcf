import t from 'tap'
import { type CimInstance, parseCimInstance } from '../../../src/metadata/cim-instance.ts'
import { array, instance, property } from '../../support/metadata/xml.ts'

const valuesOf = (text: string, name: string) => parseCimInstance(text).get(name)?.values
const listOf = (parsed: CimInstance) =>
  [...parsed].map(([key, { name, isArray, values }]) => [key, name, isArray, values])

t.test('properties and arrays are found by lower-case name and keep the written one', async (t) => {
  const parsed = parseCimInstance(instance(property('Version', 'A 1.0'), array('preReq', 'a', 'b'), array('None')))
  t.strictSame(listOf(parsed), [
    ['version', 'Version', false, ['A 1.0']],
    ['prereq', 'preReq', true, ['a', 'b']],
    ['none', 'None', true, []]
  ])
})

t.test('VALUE may be directly in PROPERTY.ARRAY', async (t) => {
  const text = instance('<PROPERTY.ARRAY NAME="a"><VALUE>1</VALUE><VALUE>2</VALUE></PROPERTY.ARRAY>')
  t.strictSame(valuesOf(text, 'a'), ['1', '2'])
})

t.test('names of elements and attributes are case-insensitive', async (t) => {
  const text =
    '<Instance><property Name="A"><Value>1</Value></property><Property.Array nAmE="b"><value>2</value></Property.Array></Instance>'
  t.strictSame(listOf(parseCimInstance(text)), [
    ['a', 'A', false, ['1']],
    ['b', 'b', true, ['2']]
  ])
})

t.test('INSTANCE may be nested in other elements, as in CIM-XML', async (t) => {
  const text = `<CIM CIMVERSION="2.0"><DECLARATION><VALUE>x</VALUE>${instance(property('a', '1'))}</DECLARATION></CIM>`
  t.strictSame(listOf(parseCimInstance(text)), [['a', 'a', false, ['1']]])
})

t.test('the first of two properties with the same name is kept, in any case of letters', async (t) => {
  t.strictSame(listOf(parseCimInstance(instance(property('a', '1'), property('A', '2'), array('a', '3')))), [
    ['a', 'a', false, ['1']]
  ])
})

t.test('the parts of a text are joined and trimmed', async (t) => {
  const value = ' \n a &lt;b&gt; &amp;&quot;&apos; &#65;&#x42; <![CDATA[<c> &amp;]]><!-- no --> d \t'
  t.strictSame(valuesOf(instance(property('a', value)), 'a'), [`a <b> &"' AB <c> &amp; d`])
})

t.test('an empty VALUE is an empty text, and a property without VALUE has none', async (t) => {
  const text = instance('<PROPERTY NAME="a"><VALUE/></PROPERTY>', '<PROPERTY NAME="b"/>', property('c', ''))
  t.strictSame(
    listOf(parseCimInstance(text)).map((row) => row[3]),
    [[''], [], ['']]
  )
})

t.test('properties without a name, and text outside VALUE, are skipped', async (t) => {
  const text = instance(
    '<PROPERTY><VALUE>1</VALUE></PROPERTY>',
    '<PROPERTY NAME=" "><VALUE>2</VALUE></PROPERTY>',
    'free'
  )
  t.equal(parseCimInstance(text).size, 0)
})

t.test('names of inherited properties are names like others', async (t) => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  const parsed = parseCimInstance(instance(...names.map((name) => property(name, `of ${name}`))))
  t.strictSame(
    [...parsed.values()].map(({ name, values }) => [name, values[0]]),
    names.map((name) => [name, `of ${name}`])
  )
})

const BILLION_LAUGHS = `<?xml version="1.0"?>
<!DOCTYPE lolz [
<!ENTITY l0 "lol">
${Array.from({ length: 30 }, (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`).join('\n')}
]>
${instance(property('name', '&l30;'))}`

t.test('a document type declaration is refused, with or without entities', async (t) => {
  const refusal = { name: 'MetadataError', code: 'unsafe-metadata' }
  for (const doctype of [
    BILLION_LAUGHS,
    `<!DOCTYPE INSTANCE>${instance()}`,
    `<!DOCTYPE INSTANCE SYSTEM "file:///etc/passwd">${instance()}`,
    `<!DOCTYPE INSTANCE PUBLIC "a" "http://127.0.0.1/x.dtd">${instance()}`,
    `<!DOCTYPE INSTANCE [<!ENTITY x SYSTEM "file:///etc/passwd">]>${instance(property('name', '&x;'))}`,
    `<!DOCTYPE INSTANCE [<!ENTITY % p SYSTEM "http://127.0.0.1/"> %p;]>${instance()}`
  ]) {
    t.throws(() => parseCimInstance(doctype), refusal, doctype.slice(0, 60))
  }
})

t.test('an entity that is not predefined breaks the metadata', async (t) => {
  const text = instance(property('name', '&nbsp;'))
  t.throws(() => parseCimInstance(text), { name: 'MetadataError', code: 'broken-metadata' })
})

t.test('XML that is not well-formed, or is truncated at any position, is broken', async (t) => {
  const text = `<?xml version="1.0"?>${instance(property('a', '1'))}`
  for (let length = 0; length < text.length; length += 1) {
    t.throws(
      () => parseCimInstance(text.slice(0, length)),
      { name: 'MetadataError', code: 'broken-metadata' },
      `${length}`
    )
  }
  for (const broken of ['', ' ', 'text', `${text}<b/>`, `${text}x`, '<INSTANCE a=1/>', '<INSTANCE/><!--', '<a></b>']) {
    t.throws(() => parseCimInstance(broken), { name: 'MetadataError', code: 'broken-metadata' }, broken)
  }
})

t.test('the reason contains the position of the error', async (t) => {
  t.throws(() => parseCimInstance('<INSTANCE>\n<a></b></INSTANCE>'), { message: /^2:7: / })
})

t.test('well-formed XML without INSTANCE is not metadata', async (t) => {
  for (const text of ['<html/>', '<Database version="301"><Package id="1"/></Database>', property('a', '1')]) {
    t.throws(() => parseCimInstance(text), { name: 'MetadataError', code: 'not-metadata' }, text)
  }
})
