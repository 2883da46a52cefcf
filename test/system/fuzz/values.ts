/** Values for parameters and bodies, valid and invalid ones. */
import fc, { type Arbitrary, type GeneratorValue } from 'fast-check'

export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
}

export type Generator = GeneratorValue

export function pick<Item>(g: Generator, items: readonly Item[]): Item {
  return items[g(fc.nat, Math.max(0, items.length - 1))] as Item
}

export function chance(g: Generator, percent: number): boolean {
  return g(fc.nat, 99) < percent
}

const NASTY_TEXTS = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  '%2e%2e%2f',
  '%',
  '%zz',
  '\0',
  'a\0b.zip',
  '\r\nX-Injected: yes',
  '\u202Egpj.exe',
  '\uD800',
  '\uFEFF',
  '😀'.repeat(100),
  'é́',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '-1',
  '0',
  '00',
  '1e309',
  '1.5',
  '0x10',
  'NaN',
  'Infinity',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '99999999999999999999999999999999',
  'true',
  'null',
  '[]',
  '{}',
  "' or '1'='1",
  '"; drop table task; --',
  '* OR a*',
  '%_[a-z]%',
  '<script>alert(1)</script>',
  '{{7*7}}',
  ','.repeat(50),
  '1,2,3,0,1',
  'a,'.repeat(500),
  'A'.repeat(300),
  'A'.repeat(5_000)
]

const anyText = fc.string({ unit: 'binary', maxLength: 40 })

export function nastyText(g: Generator): string {
  return chance(g, 70) ? pick(g, NASTY_TEXTS) : g(() => anyText)
}

const DEEP = JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`)

const NASTY_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  [],
  [[]],
  [null],
  {},
  DEEP,
  // Parsed JSON has an own property of this name; an object literal would set the prototype.
  JSON.parse('{"__proto__":{"isAdmin":true}}'),
  { constructor: { prototype: { isAdmin: true } } },
  { length: -1 },
  { toString: 1, valueOf: 1, toJSON: 1 },
  Array.from({ length: 3_000 }, (_, index) => index)
]

export function nastyValue(g: Generator): unknown {
  return chance(g, 50) ? pick(g, NASTY_VALUES) : nastyText(g)
}

const matching = new Map<string, Arbitrary<string>>()

function textMatching(g: Generator, pattern: string): string {
  let arbitrary = matching.get(pattern)
  if (arbitrary === undefined) {
    arbitrary = fc.stringMatching(new RegExp(pattern), { maxLength: 40 })
    matching.set(pattern, arbitrary)
  }
  const known = arbitrary
  return g(() => known)
}

const WORDS = ['uefi', 'xcc', 'x', 'latest', 'Lenovo', '7X05', 'a b', 'ü', '1']

/** Texts that the server has sent, by the name of a parameter or a member. */
export type Known = (g: Generator, name: string) => string | undefined

/**
 * A value that is valid for the schema in most cases.
 * @param resolve follows a reference
 */
export function exampleOf(
  g: Generator,
  schema: Schema,
  name: string,
  context: { readonly resolve: (schema: Schema) => Schema; readonly known: Known }
): unknown {
  const { anyOf, enum: choices, ...plain } = context.resolve(schema)
  if (anyOf !== undefined) return exampleOf(g, pick(g, anyOf), name, context)
  if (choices !== undefined) return pick(g, choices)
  switch (plain.type) {
    case 'string':
      return textOf(g, plain, name, context.known)
    case 'integer':
    case 'number':
      return (plain.minimum ?? 0) + g(fc.nat, Math.min(1_000, (plain.maximum ?? 1_000) - (plain.minimum ?? 0)))
    case 'boolean':
      return chance(g, 50)
    case 'array': {
      const count = (plain.minItems ?? 0) + g(fc.nat, 3)
      return Array.from({ length: count }, () => exampleOf(g, plain.items ?? {}, name, context))
    }
    case 'object': {
      const { properties = {}, required = [] } = plain
      const chosen = Object.entries(properties).filter(([member]) => required.includes(member) || chance(g, 35))
      return Object.fromEntries(chosen.map(([member, of]) => [member, exampleOf(g, of, member, context)]))
    }
    default:
      return null
  }
}

function textOf(g: Generator, { pattern, minLength = 0, maxLength = 40 }: Schema, name: string, known: Known): string {
  const value = chance(g, 80) ? known(g, name) : undefined
  if (value !== undefined) return value
  // fast-check enumerates the characters of a class, and a negated class has too many.
  if (pattern !== undefined && !pattern.includes('[^')) return textMatching(g, pattern)
  return pick(g, WORDS).padEnd(minLength, 'x').slice(0, maxLength)
}

/** The value with one invalid part. */
export function spoiled(g: Generator, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || chance(g, 30)) return nastyValue(g)
  if (Array.isArray(value)) {
    const index = g(fc.nat, value.length)
    return [...value.slice(0, index), spoiled(g, value[index]), ...value.slice(index + 1)]
  }
  const names = Object.keys(value)
  const name = names.length > 0 && chance(g, 75) ? pick(g, names) : nastyText(g)
  const changed = JSON.parse(JSON.stringify(value)) as Record<string, unknown>
  if (chance(g, 15)) delete changed[name]
  else
    Object.defineProperty(changed, name, {
      value: spoiled(g, changed[name]),
      enumerable: true,
      configurable: true,
      writable: true
    })
  return changed
}
