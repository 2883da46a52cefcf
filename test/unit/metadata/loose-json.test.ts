import t from 'tap'
import {
  member,
  objectMember,
  objectsMember,
  parseLooseObject,
  textMember,
  textsMember
} from '../../../src/metadata/loose-json.ts'

const parse = (text: string) => parseLooseObject(Buffer.from(text))
const BROKEN = { name: 'MetadataError', code: 'broken-metadata' }

t.test('an object is read in UTF-8 with or without a byte order mark, and in UTF-16 with one', async (t) => {
  t.strictSame(parse('{"a":"é"}'), { a: 'é' })
  t.strictSame(parse('\ufeff{"a":"é"}'), { a: 'é' })
  t.strictSame(parseLooseObject(Buffer.from('\ufeff{"a":"é"}', 'utf16le')), { a: 'é' })
})

t.test('anything but a JSON object is broken metadata', async (t) => {
  for (const text of ['', ' ', '[]', 'null', '1', '"a"', '{', '{"a":1', '{"a":1}x', "{'a':1}", '{"a":1,}', '\0']) {
    t.throws(() => parse(text), BROKEN, JSON.stringify(text))
  }
  t.throws(() => parseLooseObject(Buffer.of(0x7b, 0xff, 0x7d)), BROKEN)
})

t.test('nesting of any depth is read or refused, and never overflows', async (t) => {
  const deep = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
  t.ok(Array.isArray(parse(deep(200_000)).a))
  t.throws(() => parse('['.repeat(200_000)), BROKEN)
  t.throws(() => parse('{"a":'.repeat(200_000)), BROKEN)
})

t.test('a member is found in any case, its exact name first', async (t) => {
  const object = parse('{"NAME":1,"Name":2,"name":3,"other":4}')
  t.equal(member(object, 'Name'), 2)
  t.equal(member(object, 'nAME'), 1)
  t.equal(member(object, 'OTHER'), 4)
  t.equal(member(object, 'absent'), undefined)
})

t.test('names of inherited properties are not members', async (t) => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    t.equal(member(parse('{}'), name), undefined, name)
    t.strictSame(objectMember(parse('{}'), name), {}, name)
    t.equal(member(parse(`{"${name}":"own"}`), name), 'own', name)
  }
  const polluted = parse('{"__proto__":{"Name":"x"},"constructor":{"prototype":{"Name":"x"}}}')
  t.equal(textMember(polluted, 'Name'), '')
  t.equal(textMember(parse('{}'), 'Name'), '')
})

t.test('numbers and booleans are read as texts, and nothing else is', async (t) => {
  const object = parse('{"a":" x ","b":2.5,"c":true,"d":null,"e":["x"],"f":{"x":"y"}}')
  t.strictSame(
    'abcdefg'.split('').map((name) => textMember(object, name)),
    ['x', '2.5', 'true', '', '', '', '']
  )
})

t.test('a list of objects or texts keeps only items of that type', async (t) => {
  const object = parse('{"o":[{"a":1},null,[],"x",{}],"t":["x",""," y ",1,null,{}],"one":" z ","n":5}')
  t.strictSame(objectsMember(object, 'o'), [{ a: 1 }, {}])
  t.strictSame(textsMember(object, 't'), ['x', 'y'])
  t.strictSame(textsMember(object, 'one'), ['z'])
  for (const name of ['n', 'one', 'absent']) t.strictSame(objectsMember(object, name), [], name)
  for (const name of ['n', 'absent', 'o2']) t.strictSame(textsMember(object, name), [], name)
  t.strictSame(objectMember(object, 'o'), {})
})
