/** Moves schemas with a title to `components` of the OpenAPI document; Fastify repeats them at every use. */

type Json = Record<string, unknown>

/** Keywords whose values are examples or constants, which can look like schemas. */
const VALUES: ReadonlySet<string> = new Set(['default', 'enum', 'const', 'example', 'examples'])

const PREFIX = '#/components/schemas/'

/**
 * @param description from @fastify/swagger; it is not modified
 * @returns the description with the titled schemas below `components`
 * @throws Error when two different schemas have the same title
 */
export function shareSchemas<Description extends object>(description: Description): Description {
  const { paths, components = {} } = description as { paths?: Json; components?: Json }
  const schemas: Json = { ...(components.schemas as Json | undefined) }

  function share(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(share)
    if (!isObject(value)) return value
    const members = Object.entries(withoutRepetition(value)).map(([name, member]) => [
      name,
      VALUES.has(name) ? member : share(member)
    ])
    const shared: Json = Object.fromEntries(members)
    return typeof shared.title === 'string' ? referenceTo(shared.title, shared) : shared
  }

  function referenceTo(title: string, schema: Json): Json {
    const known = schemas[title]
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`Two different schemas have the title ${title}`)
    }
    schemas[title] = schema
    return { $ref: PREFIX + title }
  }

  return { ...description, paths: share(paths), components: { ...components, schemas } }
}

/** Fastify copies the description of an answer into its schema, which would make every use a different schema. */
function withoutRepetition(value: Json): Json {
  const { description, content } = value
  if (typeof description !== 'string' || !isObject(content)) return value
  const media = Object.entries(content as Record<string, Json>).map(([type, medium]) => {
    const { description: own, ...schema } = medium.schema as Json
    return [type, own === description ? { ...medium, schema } : medium]
  })
  return { ...value, content: Object.fromEntries(media) }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
