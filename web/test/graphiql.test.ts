import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { examples, fillVariables, variablesText } from '../src/graphiql/examples';
import { filledHeaders, socketAddress } from '../src/graphiql/fetcher';
import { chooseIds } from '../src/graphiql/start';

test('every example is one named operation whose variables are given', () => {
  for (const { query, variables } of examples) {
    const operations = parse(query).definitions.filter((part) => part.kind === 'OperationDefinition');
    expect(operations).toHaveLength(1);
    expect(operations[0]?.name?.value).toBeTruthy();
    const declared = operations[0]?.variableDefinitions?.map((one) => one.variable.name.value) ?? [];
    expect(Object.keys(variables).sort()).toEqual([...declared].sort());
  }
});

test('the examples show a query, a mutation and a subscription', () => {
  const kinds = examples.flatMap(({ query }) => query.match(/^(query|mutation|subscription)\b/m)?.[1] ?? []);
  expect(new Set(kinds)).toEqual(new Set(['query', 'mutation', 'subscription']));
});

test('placeholders become ids wherever they stand', () => {
  const variables = { image: '@image', size: 2, input: { ids: ['@job', '@other'], flag: true, none: null } };
  expect(fillVariables(variables, { image: 'SW1hZ2U6Mw', job: 'Sm9iOjk' })).toEqual({
    image: 'SW1hZ2U6Mw',
    size: 2,
    input: { ids: ['Sm9iOjk', ''], flag: true, none: null },
  });
});

test('no variables are an empty editor', () => {
  expect(variablesText({})).toBe('');
  expect(variablesText({ a: 1 })).toBe('{\n  "a": 1\n}');
});

test('the socket follows the page', () => {
  expect(socketAddress({ protocol: 'https:', host: 'hub.example' })).toBe('wss://hub.example/graphql');
  expect(socketAddress({ protocol: 'http:', host: '127.0.0.1:8000' })).toBe('ws://127.0.0.1:8000/graphql');
});

test('a header still waiting for its token is not sent', () => {
  expect(filledHeaders({ Authorization: 'Bearer ', 'X-A': '', 'X-B': '1' })).toEqual({ 'X-B': '1' });
  expect(filledHeaders({ Authorization: 'Bearer abc' })).toEqual({ Authorization: 'Bearer abc' });
  expect(filledHeaders()).toEqual({});
});

test('the example of regions takes an image that has some', () => {
  const some = {
    images: { nodes: [{ id: 'i1' }] },
    datasets: { nodes: [] },
    jobs: { nodes: [{ id: 'j1' }] },
  };
  const annotated = { nodes: [{ image: { id: 'i2' } }] };
  expect(chooseIds({ ...some, rois: annotated })).toEqual({
    image: 'i1',
    annotated: 'i2',
    dataset: undefined,
    job: 'j1',
  });
  expect(chooseIds({ ...some, rois: { nodes: [] } }).annotated).toBe('i1');
});
