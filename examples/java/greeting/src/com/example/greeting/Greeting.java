package com.example.greeting;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** Greets people as the resource `greeting.properties` says. */
public final class Greeting {
    private Greeting() {}

    public static String of(String name) {
        Properties words = new Properties();
        try (InputStream stream = Greeting.class.getResourceAsStream("/greeting/greeting.properties")) {
            words.load(stream);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return words.getProperty("greeting").formatted(name);
    }
}
