package greeting;

public final class GreetingTest {
  public static void main(String[] arguments) {
    String got = Greeting.of("you");
    if (!got.equals("Hello, you!")) {
      System.err.println("Greeting.of(\"you\") is \"" + got + "\"");
      System.exit(1);
    }
  }
}
