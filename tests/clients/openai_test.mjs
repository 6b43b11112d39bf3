// Promise: OpenAI's JavaScript SDK works against Nexus unmodified: create, stream, tools, abort, embeddings, models, errors.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import OpenAI from 'openai';

const fakeUrl = process.env.FAKE_URL;
const client = new OpenAI({ baseURL: process.env.NEXUS_URL, apiKey: 'unused', maxRetries: 0, timeout: 30000 });
const messages = [{ role: 'user', content: 'Tell me about tea.' }];

async function fake(method, path, body) {
    const response = await fetch(fakeUrl + path, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    return text ? JSON.parse(text) : undefined;
}

beforeEach(async () => {
    await fake('DELETE', '/_control');
    await fake('DELETE', '/_stats');
});

test('create', async () => {
    const answer = await client.chat.completions.create({ model: 'demo-small', messages, max_tokens: 20 });
    assert.ok(answer.choices[0].message.content);
    assert.ok(answer.usage.completion_tokens > 0);
});

test('stream', async () => {
    let text = '';
    for await (const piece of await client.chat.completions.create({ model: 'demo-small', messages, max_tokens: 20, stream: true })) {
        text += piece.choices[0].delta.content ?? '';
    }
    assert.ok(text);
});

test('tools', async () => {
    const answer = await client.chat.completions.create({
        model: 'demo-small',
        messages: [{ role: 'user', content: 'Please call get_weather now.' }],
        tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }],
    });
    assert.equal(answer.choices[0].message.tool_calls[0].function.name, 'get_weather');
});

test('abort cancels the backend', async () => {
    await fake('POST', '/_control', { token_delay: 0.05, tokens: 1000 });
    const stream = await client.chat.completions.create({ model: 'fake-model', messages, stream: true });
    for await (const _ of stream) break;
    for (let i = 0; i < 100 && (await fake('GET', '/_stats')).aborts.length === 0; i++) await new Promise((done) => setTimeout(done, 50));
    assert.equal((await fake('GET', '/_stats')).aborts.length, 1);
});

test('abort before the first token cancels the backend', async () => {
    await fake('POST', '/_control', { first_byte_delay: 20.0 });
    const controller = new AbortController();
    const pending = client.chat.completions.create({ model: 'fake-model', messages }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 200);
    await assert.rejects(pending, OpenAI.APIUserAbortError);
    for (let i = 0; i < 100 && (await fake('GET', '/_stats')).aborts.length === 0; i++) await new Promise((done) => setTimeout(done, 50));
    assert.equal((await fake('GET', '/_stats')).aborts.length, 1);
});

test('embeddings', async () => {
    const answer = await client.embeddings.create({ model: 'fake-model', input: ['a', 'b'] });
    assert.equal(answer.data.length, 2);
    assert.equal(typeof answer.data[0].embedding[0], 'number');
});

test('models', async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes('demo-small') && ids.includes('gpt-4o'));
    assert.equal((await client.models.retrieve('demo-small')).id, 'demo-small');
});

test('error classes', async () => {
    await assert.rejects(client.chat.completions.create({ model: 'no-such-model', messages }), (error) =>
        error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
    await assert.rejects(client.chat.completions.create({ model: 'demo-small', messages: [] }), OpenAI.BadRequestError);
    await fake('POST', '/_control', { status: 429, retry_after: '1' });
    await assert.rejects(client.chat.completions.create({ model: 'fake-model', messages }), OpenAI.RateLimitError);
    await fake('POST', '/_control', { status: 500 });
    await assert.rejects(client.chat.completions.create({ model: 'fake-model', messages }), OpenAI.InternalServerError);
});

test('an error in mid-stream is raised', async () => {
    await fake('POST', '/_control', { cut_after: 3 });
    await assert.rejects(async () => {
        for await (const _ of await client.chat.completions.create({ model: 'fake-model', messages, stream: true }));
    }, OpenAI.APIError);
});
