package greeting;

public final class Main {
  public static void main(String[] names) {
    System.out.println(Greeting.of(names.length > 0 ? names[0] : "world"));
  }
}
